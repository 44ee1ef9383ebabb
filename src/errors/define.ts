/** One entry of the registry. `P` is the shape of the payload. */
export interface ErrorEntry<P> {
  /** What is wrong, in one sentence, with the values of the payload. Never contains a secret. */
  readonly message: (payload: P) => string;
  /** What the reader can do about it. */
  readonly remedy: string;
  /** Status of an HTTP answer that carries this code. */
  readonly httpStatus: number;
}

export function entry<P>(httpStatus: number, message: (payload: P) => string, remedy: string): ErrorEntry<P> {
  return { message, remedy, httpStatus };
}
