/** Compiled programs: once per operation and per way in which its tensors are stored. */
import type { Operation } from "../operation.ts";
import { boundMatrices, isMatrix, type Storage, writtenMatrices } from "./declarations.ts";
import { guard } from "./guard.ts";
import { passes, program } from "./program.ts";
import type { Shader } from "./shader.ts";

/** A compiled program. */
export interface Program {
  readonly layout: GPUBindGroupLayout;
  /** In the order in which they run. */
  readonly passes: readonly GPUComputePipeline[];
}

/** The programs of a device. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #programs = new Map<string, Promise<Program>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The program of an operation whose tensors are stored so. */
  get(operation: Operation, shader: Shader, storage: Storage): Promise<Program> {
    const key = JSON.stringify([operation.name, [...storage.vectors], [...storage.matrices], [...storage.inPlace]]);
    let compiled = this.#programs.get(key);
    if (compiled === undefined) {
      compiled = compile(this.#device, operation, shader, storage);
      compiled.catch(() => this.#programs.delete(key));
      this.#programs.set(key, compiled);
    }
    return compiled;
  }
}

async function compile(device: GPUDevice, operation: Operation, shader: Shader, storage: Storage): Promise<Program> {
  const source = program(operation, shader, storage);
  const module = await compileModule(device, operation.name, source);
  const written = writtenMatrices(operation, storage);
  const emits = operation.outputs.some((spec) => isMatrix(spec) && storage.matrices.has(spec.name));
  const partials = shader.partials.length + (shader.scratchWords ? 1 : 0);
  const types: GPUBufferBindingType[] = [
    "uniform",
    "read-only-storage",
    "storage",
    ...Array<GPUBufferBindingType>(partials).fill("storage"),
    ...boundMatrices(storage).map((name): GPUBufferBindingType => written.has(name) ? "storage" : "read-only-storage"),
  ];
  const doing = `compile ${operation.name}`;
  return await guard(device, () => ({ doing, bytes: 0 }), () => {
    const layout = device.createBindGroupLayout({
      entries: types.map((type, binding) => ({
        binding,
        visibility: 4, // GPUShaderStage.COMPUTE
        buffer: { type, hasDynamicOffset: binding === 0 },
      })),
    });
    const common = device.createPipelineLayout({ bindGroupLayouts: [layout] });
    const pipelines = passes(shader, emits).map((entryPoint) =>
      device.createComputePipeline({
        label: `${operation.name} ${entryPoint}`,
        layout: common,
        compute: { module, entryPoint },
      })
    );
    return { layout, passes: pipelines };
  });
}

/** A shader module, or an error with the line that does not compile. */
export async function compileModule(device: GPUDevice, name: string, code: string): Promise<GPUShaderModule> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label: name, code });
  const [error, { messages }] = await Promise.all([device.popErrorScope(), module.getCompilationInfo()]);
  if (error === null) return module;
  const [first] = messages.filter(({ type }) => type === "error");
  const where = first ? ` at line ${first.lineNum}, \`${code.split("\n")[first.lineNum - 1]?.trim()}\`` : "";
  throw new Error(`Cannot compile the WGSL of ${name}${where}: ${(first ?? error).message.trim()}`);
}
