import { tmpdir } from "node:os";

/** The Deno that runs this file, ready to run its sub-commands on this package. */
export interface Toolchain extends Disposable {
  /** Runs `deno <subcommand> …args` at the package's root; true where it succeeded. */
  run(subcommand: string, ...args: string[]): Promise<boolean>;
}

/**
 * Opens the toolchain. `@std/assert` lives on JSR. Where JSR does not answer, a configuration and a lock file written
 * beside `deno.json` for the duration link the stand-in of `tests/assert` in its place; disposing removes them.
 */
export async function openToolchain(): Promise<Toolchain> {
  // Without a session's folder the Vulkan loader complains on stderr; any will do.
  const env = { XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? tmpdir() };
  const config = await reachesJsr() ? undefined : writeOfflineConfig();
  // An interrupt reaches the running sub-command too, which ends it; this process lives on to clean up.
  const ignore = () => {};
  Deno.addSignalListener("SIGINT", ignore);
  return {
    async run(subcommand, ...args) {
      // Publishing resolves no test, and would ship the configuration it is given.
      const flags = config === undefined || subcommand === "publish" ? [] : ["--config", config];
      const child = new Deno.Command(Deno.execPath(), { args: [subcommand, ...flags, ...args], env }).spawn();
      return (await child.status).success;
    },
    [Symbol.dispose]() {
      Deno.removeSignalListener("SIGINT", ignore);
      if (config === undefined) return;
      Deno.removeSync(config);
      Deno.removeSync(lockOf(config));
    },
  };
}

async function reachesJsr(): Promise<boolean> {
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", { signal: AbortSignal.timeout(3000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** The name carries the process id, so that two runs at once do not remove each other's files. */
function writeOfflineConfig(): string {
  const config = `.offline-${Deno.pid}.json`;
  const committed = JSON.parse(Deno.readTextFileSync("deno.json"));
  const offline = { ...committed, links: ["./tests/assert"], lock: lockOf(config) };
  Deno.writeTextFileSync(config, JSON.stringify(offline));
  Deno.copyFileSync("deno.lock", lockOf(config));
  console.log("JSR does not answer: tests/assert stands in for @std/assert");
  return config;
}

function lockOf(config: string): string {
  return config.replace(".json", ".lock");
}
