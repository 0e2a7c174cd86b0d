/** Runs the command line as its user would. */

/** How it ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command line with such permissions, which nobody can be asked for more. */
export function commandLine(...permissions: readonly string[]): (...args: string[]) => Promise<Ended> {
  const script = new URL("../src/cli/main.ts", import.meta.url).href;
  return async (...args) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...permissions, script, ...args],
      env: { NO_COLOR: "1" },
    });
    const { code, stdout, stderr } = await command.output();
    return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
  };
}
