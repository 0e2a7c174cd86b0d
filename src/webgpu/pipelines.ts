/** Compiled programs: once per operation and per way in which its tensors are stored. */
import { guard } from "./guard.ts";

/** A program to compile. */
export interface Source {
  /** The operation's name. */
  readonly name: string;
  /** WGSL. */
  readonly code: string;
  /** What is bound, in order, in group 0; a uniform has a dynamic offset. */
  readonly bindings: readonly GPUBufferBindingType[];
  /** The entry points, in the order in which they run. */
  readonly entryPoints: readonly string[];
}

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

  /** The program of a key, which tells all that its source depends on. */
  get(key: string, sourceOf: () => Source): Promise<Program> {
    let compiled = this.#programs.get(key);
    if (compiled === undefined) {
      compiled = compile(this.#device, sourceOf());
      compiled.catch(() => this.#programs.delete(key));
      this.#programs.set(key, compiled);
    }
    return compiled;
  }
}

async function compile(device: GPUDevice, { name, code, bindings, entryPoints }: Source): Promise<Program> {
  const module = await compileModule(device, name, code);
  return await guard(device, () => ({ doing: `compile ${name}`, bytes: 0 }), () => {
    const layout = device.createBindGroupLayout({
      entries: bindings.map((type, binding) => ({
        binding,
        visibility: 4, // GPUShaderStage.COMPUTE
        buffer: { type, hasDynamicOffset: type === "uniform" },
      })),
    });
    const common = device.createPipelineLayout({ bindGroupLayouts: [layout] });
    const passes = entryPoints.map((entryPoint) =>
      device.createComputePipeline({ label: `${name} ${entryPoint}`, layout: common, compute: { module, entryPoint } })
    );
    return { layout, passes };
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
