/** A file that is not what its format says: cut off, at odds with itself, or of another format altogether. */
export class FileFormatError extends Error {
  /** The name of the class. */
  override readonly name = "FileFormatError";
  /** Where in the file the trouble is, in bytes from its start. */
  readonly offset: number;

  /**
   * For messages of the form "Cannot read logits.npy: at byte 10: …".
   *
   * @param file What the file is called.
   * @param offset Where the trouble is, in bytes from the start.
   * @param problem What it is.
   */
  constructor(file: string, offset: number, problem: string) {
    super(`Cannot read ${file}: at byte ${offset}: ${problem}`);
    this.offset = offset;
  }
}
