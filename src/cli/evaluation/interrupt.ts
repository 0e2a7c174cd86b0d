/** The end of work that its user does not want to wait for. */

/** Listens for an interrupt (^C). Disposing stops that. */
export interface Interrupt extends Disposable {
  /** Whether there was one. */
  readonly hasCome: boolean;
}

/** Listens for one interrupt; a second ends the process as ever. */
export function listenForInterrupt(): Interrupt {
  let hasCome = false, isListening = true;
  const stop = () => {
    if (isListening) Deno.removeSignalListener("SIGINT", hear);
    isListening = false;
  };
  function hear() {
    hasCome = true;
    stop();
  }
  Deno.addSignalListener("SIGINT", hear);
  return {
    get hasCome() {
      return hasCome;
    },
    [Symbol.dispose]: stop,
  };
}
