/** What is used of it; it has no types of its own. */
declare module 'beanstalkd' {
  class BeanstalkdClient {
    constructor(host: string, port: number);
    connect(): Promise<this>;
    use(tube: string): Promise<string>;
    watch(tube: string): Promise<string>;
    put(priority: number, delay: number, ttr: number, payload: Buffer | string): Promise<string>;
    reserve(): Promise<[id: string, payload: Buffer]>;
    /** Rejects with `TIMED_OUT` when nothing is ready. */
    reserveWithTimeout(seconds: number): Promise<[id: string, payload: Buffer]>;
    delete(id: string): Promise<void>;
    quit(): Promise<void>;
  }
  /** Compiled to CommonJS by hand: an import has it one level down. */
  const compiled: { readonly default: typeof BeanstalkdClient };
  export default compiled;
}
