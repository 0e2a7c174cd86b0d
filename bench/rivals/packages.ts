/** The rivals' packages. They are dependencies of a run of this benchmark, and of nothing else. */

/** Where each comes from, pinned. */
const PACKAGES = {
  onnxruntime: "npm:onnxruntime-web@1.30.0",
  tensorflow: "npm:@tensorflow/tfjs@4.22.0",
  tensorflowWasm: "npm:@tensorflow/tfjs-backend-wasm@4.22.0",
  jax: "npm:@jax-js/jax@0.1.25",
} as const;

/** Loads a package. The specifier is no literal, so that neither a check nor the lock file nor a user needs it. */
export async function importPackage<Module>(name: keyof typeof PACKAGES): Promise<Module> {
  return await import(PACKAGES[name]);
}
