// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The phases simplify and raise: a table of contents.
#include "compiler/passes/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dure {

void buildSimplifyPipeline(OpPassManager &Passes) {
  // Dead shape arithmetic goes first; equal values become one value, which is
  // what the patterns compare.
  Passes.addPass(createCanonicalizerPass());
  Passes.addPass(createCSEPass());

  // Constants before shapes: a decided mask is a broadcast constant, which
  // then sinks.
  Passes.addPass(createFoldConstants());
  Passes.addPass(createSimplifyShapes());
  // Shapes uncover constants: `x and true`, once the true is not broadcast.
  Passes.addPass(createFoldConstants());
  Passes.addPass(createFoldWeights());

  Passes.addPass(createCanonicalizerPass());
  Passes.addPass(createCSEPass());
}

void buildRaisePipeline(OpPassManager &Passes) {
  // Layer norm before rms norm: x - mean(x) is a fine x for the latter.
  Passes.addPass(createRaiseLayerNorm());
  Passes.addPass(createRaiseRMSNorm());

  Passes.addPass(createRaiseGelu());
  Passes.addPass(createRaiseSilu());
  // Needs the activations above; experts before what is left of MLPs. Their
  // weights are cut and turned once, when they are loaded.
  Passes.addPass(createRaiseMoE());
  Passes.addPass(createFoldWeights());
  Passes.addPass(createRaiseGatedMLP());

  Passes.addPass(createRaiseRope());
  // Masks before the attentions that share them.
  Passes.addPass(createRaiseMasks());
  Passes.addPass(createRaiseAttention());
  // For attentions of the model's own, too.
  Passes.addPass(createRaiseGroupedHeads());
  Passes.addPass(createRaiseAttentionMasks());

  // After attention, which reads transposes of its keys itself.
  Passes.addPass(createFoldTransposes());

  // What the patterns went around is dead now.
  Passes.addPass(createCanonicalizerPass());
  Passes.addPass(createCSEPass());

  // Last: `step` is a copy of what `main` has become, `prefill` of `step`.
  Passes.addPass(createRaiseCache());
  Passes.addPass(createMakePrefill());
}

void buildSpecializePipeline(OpPassManager &Passes, StringRef Buckets) {
  // Which sizes are possible follows from what ops demand of them.
  Passes.addPass(createNoteEqualDims());
  SpecializeShapesOptions Options;
  Options.Buckets = Buckets.str();
  Passes.addPass(createSpecializeShapes(Options));

  // What the sizes decide: shape arithmetic, cuts that cut nothing.
  buildSimplifyPipeline(Passes);
}

void registerCompilerPipelines() {
  PassPipelineRegistration<>("dure-simplify", "The passes of phase simplify",
                             buildSimplifyPipeline);
  PassPipelineRegistration<>("dure-raise", "The passes of phase raise",
                             buildRaisePipeline);
}

} // namespace dure
