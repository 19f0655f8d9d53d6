/** Why a beanstalkd of our own cannot run, in one line for whoever started the gateway. */
export class OwnError extends Error {
  override readonly name = 'OwnError';
}
