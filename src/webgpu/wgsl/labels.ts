/** WGSL of what labels give to classes whatever a row is about: label smoothing, and the weights of classes. */

/** The source; needs the input `classWeights` and the parameter `smoothing`. */
export const LABELS = /* wgsl */ `
fn weight_of_class(index: u32) -> f32 {
  return select(1.0, take_classWeights(0u, index), has_classWeights);
}

/** Weighted by class; 0 past the end. */
fn weighted(tau: vec4<f32>, at: vec4<u32>, inside: vec4<bool>) -> vec4<f32> {
  var weights = vec4(1.0);
  if (has_classWeights) {
    weights = vec4(weight_of_class(at.x), weight_of_class(at.y), weight_of_class(at.z), weight_of_class(at.w));
  }
  return select(vec4(0.0), tau * weights, inside);
}

/** The smoothing of classes that are not masked. */
fn smoothing_of(x: vec4<f32>) -> vec4<f32> {
  return select(vec4(call.smoothing.x), vec4(0.0), are_masked(x));
}
`;
