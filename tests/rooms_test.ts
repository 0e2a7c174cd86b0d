// The house: what imports what, what each operation needs in which room, sizes of files and of builds.

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { existsSync } from "node:fs";
import manifest from "../deno.json" with { type: "json" };
import * as asynchronous from "../mod.ts";
import { dimensionNames, scalarNames, tensorNames } from "../src/arguments.ts";
import * as cost from "../src/cost/mod.ts";
import * as discrete from "../src/discrete/mod.ts";
import * as io from "../src/io/mod.ts";
import type { CheckedCall, Operation } from "../src/operation.ts";
import { reference } from "../src/reference/mod.ts";
import * as synchronous from "../src/sync.ts";
import { kernels } from "../src/wasm/kernels.ts";
import { isProduct } from "../src/webgpu/product/submit.ts";
import { SHADERS } from "../src/webgpu/shaders/index.ts";
import { VIEWS_BYTES } from "../src/wasm/pool.ts";
import { PLAIN } from "../src/wasm/plain.gen.ts";
import { RELAXED } from "../src/wasm/relaxed.gen.ts";

const ROOT = new URL("../", import.meta.url);

/** Rooms from the roof down; those of one floor do not know each other. A path belongs to the first that begins it. */
const FLOORS: readonly (readonly string[])[] = [
  ["mod.ts", "src/sync.ts", "src/cost/mod.ts", "src/discrete/mod.ts", "src/io/mod.ts"],
  ["src/types.ts", "src/cost/plan.ts", "src/cost/methods.ts", "src/cost/this_device.ts", "src/cost/calibrate.ts"],
  ["src/cost/calibrate/", "src/closed/"],
  ["src/ops/"],
  ["src/validate.ts", "src/run.ts"],
  ["src/reference/", "src/wasm/mod.ts", "src/webgpu/mod.ts", "src/tensors.ts"],
  ["src/wasm/", "src/webgpu/", "src/discrete/", "src/io/"],
  ["src/cost/", "src/lists.ts"],
  ["src/arguments.ts", "src/arithmetic.ts", "src/check.ts", "src/event_loop.ts", "src/partial.ts", "src/sampling/"],
  ["src/operation.ts"],
];

/** What clients of the library may import of it: the files behind its public entry points. */
const ENTRIES = Object.values(manifest.exports).map((path) => path.replace("./", ""));

/** Clients, which use the library as a stranger would. */
const CLIENTS = ["src/cli/", "bench/"];

function isClient(path: string): boolean {
  return CLIENTS.some((room) => path.startsWith(room));
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** Paths of the TypeScript below a folder, from the root of the package. */
function sources(folder: string): string[] {
  if (!existsSync(new URL(folder, ROOT))) return [];
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return sources(`${folder}${name}/`);
    return name.endsWith(".ts") ? [`${folder}${name}`] : [];
  }).sort();
}

/** The specifiers that a file imports or exports from, static or not; examples in comments aside. */
function specifiers(path: string): string[] {
  const code = read(path).replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const clauses = /\b(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;
  return [...code.matchAll(clauses)].map(([, from, bare]) => from ?? bare);
}

/** What a file imports by a relative path, from the root of the package. */
function relatives(path: string): string[] {
  return specifiers(path).filter((specifier) => specifier.startsWith(".")).map((specifier) =>
    new URL(specifier, new URL(path, ROOT)).href.slice(ROOT.href.length)
  );
}

function floorOf(path: string): { floor: number; room: string } {
  for (const [floor, rooms] of FLOORS.entries()) {
    const room = rooms.find((room) => path.startsWith(room));
    if (room !== undefined) return { floor, room };
  }
  throw new Error(`${path} is in no room`);
}

const LIBRARY = ["mod.ts", ...sources("src/")].filter((path) => !isClient(path));
const ALL = [...new Set([...LIBRARY, ...["src/", "assembly/", "tests/", "bench/"].flatMap(sources)])];

/** The files of src/ops that hold an operation's record, by stem; and the records of what only steps are made of. */
const RECORDS = new Map<string, Operation>(), INTERNAL: Operation[] = [];
for (const path of sources("src/ops/")) {
  const { record, ...others }: Readonly<Record<string, unknown>> = await import(new URL(path, ROOT).href);
  if (isOperation(record)) RECORDS.set(path.slice("src/ops/".length, -".ts".length), record);
  INTERNAL.push(...Object.values(others).filter(isOperation));
}

function isOperation(value: unknown): value is Operation {
  return typeof value === "object" && value !== null && "work" in value;
}

/** The functions that mod.ts exports: operations, closed forms, allocate(). */
const FUNCTIONS = Object.entries(asynchronous).filter(([name]) => /^[a-z]/.test(name)).map(([name]) => name);

Deno.test("the parser of imports finds them all", () => {
  assertEquals(specifiers("src/run.ts").length, 11);
  assert(relatives("mod.ts").includes("src/types.ts"));
  assert(LIBRARY.length > 30 && RECORDS.size >= 12 && INTERNAL.length >= 6 && FUNCTIONS.length > RECORDS.size);
});

Deno.test("imports point down only", () => {
  const wrong = LIBRARY.flatMap((path) =>
    relatives(path).filter((target) => {
      const [from, to] = [floorOf(path), floorOf(target)];
      return from.room !== to.room && from.floor >= to.floor;
    }).map((target) => `${path} imports ${target}`)
  );
  assertEquals(wrong.join("\n"), "");
});

Deno.test("the library depends on nothing but node's timers and worker threads", () => {
  const foreign = LIBRARY.flatMap((path) =>
    specifiers(path).filter((specifier) =>
      !specifier.startsWith(".") && !["node:timers", "node:worker_threads"].includes(specifier)
    )
      .map((specifier) => `${path} imports ${specifier}`)
  );
  assertEquals(foreign.join("\n"), "");
});

Deno.test("the command line and the benchmarks use the library as its users do", () => {
  const wrong = ["src/cli/", "bench/"].flatMap(sources).flatMap((path) =>
    relatives(path).filter((target) => target.startsWith("src/") && !isClient(target) && !ENTRIES.includes(target))
      .map((target) => `${path} imports ${target}`)
  );
  assertEquals(wrong.join("\n"), "");
});

for (const [stem, record] of RECORDS) {
  Deno.test(`${record.name}() is in every room`, () => {
    const rooms = ["src/reference", ...(record.compose ? [] : ["assembly", "src/webgpu/shaders"])];
    const paths = [...rooms.map((room) => `${room}/${stem}.ts`), `tests/${stem}_test.ts`];
    assertEquals(paths.filter((path) => !existsSync(new URL(path, ROOT))).join(), "");
    const exported = [asynchronous, synchronous].map((module) => new Map(Object.entries(module)).get(record.name));
    assertEquals(exported.map((value) => typeof value), ["function", "function"], "exported by mod.ts and sync.ts");
    assert(exported[0] !== exported[1], "with and without a promise");
    assertEquals(reference.obstacle(callOf(record)), undefined);
    if (record.compose) assertEquals(parametersOf(record), [undefined, undefined], "it is made of others");
    else assertHasKernels(record);
  });
}

for (const record of INTERNAL) {
  Deno.test(`${record.name}, a step of composed operations, has kernels`, () => assertHasKernels(record));
}

function callOf(operation: Operation): CheckedCall {
  return { operation, dims: {}, tensors: {}, params: {}, options: {} };
}

/** How many parameters the kernel has in both builds. */
function parametersOf({ name }: Operation): (number | undefined)[] {
  return [false, true].map((deterministic) => kernels(deterministic)?.functions[name]?.length);
}

function assertHasKernels(record: Operation): void {
  assertLessOrEqual(16 * tensorNames(record).length, VIEWS_BYTES, "Views of a call");
  const count = tensorNames(record).length + dimensionNames(record).length + scalarNames(record).length;
  assertEquals(parametersOf(record), [count, count], "parameters of the kernel");
  if (isProduct(callOf(record))) return;
  const { uses, source } = SHADERS[record.name];
  const wgsl = [...uses, source].join("\n"), kinds = [[record.inputs, "take_"], [record.outputs, "put_"]] as const;
  const unused = kinds.flatMap(([specs, verb]) => specs.filter(({ name }) => !wgsl.includes(`${verb}${name}(`)));
  assertEquals(unused.map(({ name }) => name).join(), "", "tensors that the shader does not know");
}

Deno.test("mod.ts and sync.ts export the same names", () => {
  assertEquals(Object.keys(asynchronous).sort(), Object.keys(synchronous).sort());
});

Deno.test("every file has at most 300 lines", () => {
  const written = ALL.filter((path) => !path.endsWith(".gen.ts"));
  assertEquals(written.filter((path) => read(path).trimEnd().split("\n").length > 300).join(), "");
});

/** The names of a function's parameters, from its source beginning with the parenthesis that opens them. */
function parameterNames(source: string): string[] {
  let depth = 0, current = "";
  const parameters: string[] = [];
  for (const char of source) {
    if ("([{<".includes(char) && depth++ === 0) continue;
    if (")]}>".includes(char)) depth--;
    if (depth === 0 || (depth === 1 && char === ",")) parameters.push(current), current = "";
    else current += char;
    if (depth === 0) break;
  }
  return parameters.flatMap((text) => text.match(/\w+/)?.[0] ?? []);
}

/** Names of the functions of `@surprisal/core/cost` and of `@surprisal/core/io`. */
const OTHERS = [cost, io].flatMap((module) => Object.entries(module))
  .filter(([, value]) => typeof value === "function" && !/^class/.test(String(value)))
  .map(([name]) => name);

/** Names of the functions of `@surprisal/core/discrete`, some of which have namesakes. */
const DISCRETE = Object.keys(discrete);

Deno.test("every public function documents its parameters, result, errors and an example", () => {
  const isDiscrete = (path: string) => path.startsWith("src/discrete/");
  const textOf = (paths: readonly string[]) => paths.filter((path) => !path.endsWith(".gen.ts")).map(read).join("\n");
  const text = textOf(LIBRARY.filter((path) => !isDiscrete(path))), ofDiscrete = textOf(LIBRARY.filter(isDiscrete));
  const all = [...[...FUNCTIONS, ...OTHERS].map((name) => [name, text]), ...DISCRETE.map((name) => [name, ofDiscrete])];
  const missing = all.flatMap(([name, text]) => {
    const [, doc, parameters] = text.match(
      new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\nexport (?:async )?function ${name}(?:<[^(]*>)?(\\([^]*?\\{\\n)`),
    ) ?? [undefined, "", "()"];
    const tags = ["@returns ", "@throws {", "@example", "```ts\n"];
    const wanted = [...parameterNames(parameters).map((parameter) => `@param ${parameter} `), ...tags];
    return wanted.filter((tag) => !doc.includes(tag)).map((tag) => `${name}: ${tag}`);
  });
  assertEquals(missing.join("\n"), "");
});

for (const [build, base64] of Object.entries({ PLAIN, RELAXED })) {
  Deno.test(`the ${build.toLowerCase()} build imports its memory only and is at most 64 KiB`, () => {
    const bytes = Uint8Array.fromBase64(base64);
    assertLessOrEqual(bytes.length, 65536);
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
    assertEquals(imports.map(({ module, name, kind }) => `${kind} ${module}.${name}`), ["memory env.memory"]);
  });
}
