/** What the lab starts every server with. */
export const [port = 0, beanstalkdPort = 0] = process.argv.slice(2).map(Number);
