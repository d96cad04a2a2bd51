// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes on the dure dialect, in the order of the phases that run them. A
// pass's flag, file and class share one name.

#ifndef DURE_COMPILER_PASSES_TD
#define DURE_COMPILER_PASSES_TD

include "mlir/Pass/PassBase.td"

//===----------------------------------------------------------------------===//
// Phase simplify
//===----------------------------------------------------------------------===//

def FoldWeights : Pass<"dure-fold-weights", "::mlir::ModuleOp"> {
  let summary = "Moves arithmetic on weights into the weights' recipes";
  let description = [{
    A cast, transpose, reshape or static slice of a weight, a product, sum or
    difference of a weight with another one or with a small constant, and
    dequantization of a weight (per tensor, per axis, blocked) become steps of a
    recipe: a new weight over the same bytes. Equal recipes over equal bytes are
    one weight; weights that nobody reads any more are dropped.

    A table that is gathered from stays as small as it is stored there:
    `gather(cast(w) * scale)` becomes `cast(gather(w)) * gather(scale)`.
  }];
}

def SimplifyShapes : Pass<"dure-simplify-shapes"> {
  let summary = "Removes data movement that moves nothing";
  let description = [{
    Transposes that only shift dimensions of size 1 become reshapes, a transpose
    between a merge of leading dimensions and its undoing becomes one
    transpose, broadcasts sink below elementwise ops (which broadcast by
    themselves), a concat of neighbouring slices rejoins, and a slice of a
    concat reads the part it needs. Scatters to rows in order are concats: so
    exporters write assignments to slices. The choice of one of one is no choice.
  }];
}

def FoldConstants : Pass<"dure-fold-constants"> {
  let summary = "Computes elementwise ops on small constants";
  let description = [{
    Numbers come from the family's own scalar definition, folded by the arith
    and math dialects. Also drops operands that change nothing (x and true,
    x * 1, x + 0 for integers), and evaluates comparisons of indices whose
    outcome is the same for all indices.
  }];
}

def FoldTransposes : Pass<"dure-fold-transposes"> {
  let summary = "Turns a transpose of a matrix operand into matmul's flag";
  let description = [{
    A transpose of a concat of transposes, which raising attention may leave
    behind, becomes a concat of what they undo.
  }];
}

//===----------------------------------------------------------------------===//
// Phase raise
//===----------------------------------------------------------------------===//

def RaiseRMSNorm : Pass<"dure-raise-rms-norm"> {
  let summary = "Recognises root-mean-square normalization";
  let description = [{
    x * 1/sqrt(mean(x^2) + epsilon) * scale, however square, quotient and
    operand order are written; with f16 or bf16 around an f32 core too, where
    the quotient is rounded before it meets the scale.
  }];
}

def RaiseLayerNorm : Pass<"dure-raise-layer-norm"> {
  let summary = "Recognises layer normalization written out";
}

def RaiseGelu : Pass<"dure-raise-gelu"> {
  let summary = "Recognises GELU, erf and tanh form, in any order of factors";
}

def RaiseSilu : Pass<"dure-raise-silu"> {
  let summary = "Recognises x * sigmoid(x)";
}

def RaiseMasks : Pass<"dure-raise-masks"> {
  let summary = "Reads a padding mask in place of a GatherND over full grids";
  let description = [{
    gather_nd(mask, [i, j]) with i and j counting along two dimensions of the
    result is the mask itself with dimensions of size 1 put in. The gather
    checked that it reads inside the mask; `dure.equal_dims` checks it now.
  }];
}

def RaiseRope : Pass<"dure-raise-rope"> {
  let summary = "Recognises rotary position embeddings";
  let description = [{
    Half-split rows (x cos + rotate(x) sin, where both tables are known to have
    equal halves, or the two halves rotated apart) and interleaved ones, on all
    or the first part of a row.
  }];
}

def RaiseAttention : Pass<"dure-raise-attention"> {
  let summary = "Recognises scaled dot-product attention";
  let description = [{
    softmax(q k^T scale + mask) v with one scale or its root on both sides, masks
    added or chosen, tanh soft caps, and the tail that turns NaN into 0. What a
    row without any key gives (`empty_row`) follows from the form of the mask.
  }];
}

def RaiseGroupedHeads : Pass<"dure-raise-grouped-heads"> {
  let summary = "Lets attention read keys and values before they are repeated";
}

def RaiseAttentionMasks : Pass<"dure-raise-attention-masks"> {
  let summary = "Reads causal order and windows out of attention's masks";
  let description = [{
    Comparisons of key and query positions in a boolean mask become `causal` and
    `window`; what else the mask says stays a mask, not broadcast. A mask that
    adds the lowest number, times what it hides, is a boolean one; where rows
    without any key are set to 0 behind attention, that is its `empty_row`.
  }];
}

def RaiseGatedMLP : Pass<"dure-raise-gated-mlp"> {
  let summary = "Recognises gated feed-forward layers (SwiGLU and its kin)";
}

def RaiseMoE : Pass<"dure-raise-moe", "::mlir::ModuleOp"> {
  let summary = "Recognises mixtures of experts";
  let description = [{
    Written so that all experts run on every token, times a table that is zero
    but for a token's experts; so that every row gathers the weights of its
    expert; or grouped: rows are sorted by expert, and each expert multiplies as
    many of them as the model counts to be its own (which must be proven, and the
    checks of those counts go). In each form `dure.moe` computes the experts that
    a token goes to, and no other: the others' outputs, NaN too, no longer reach
    the result times zero. Slices and transposes of the experts' weights are for
    dure-fold-weights.
  }];
}

def RaiseCache : Pass<"dure-raise-cache", "::mlir::ModuleOp"> {
  let summary = "Makes the entry `step` of models with past and present caches";
  let description = [{
    Every argument that is concatenated with new positions along dimension 2 and
    returned is a cache. `main` stays as it is; `step` is the same function on
    state: caches of a fixed capacity, updated in place, and their lengths.
  }];
}

def MakePrefill : Pass<"dure-make-prefill", "::mlir::ModuleOp"> {
  let summary = "Makes the entry `prefill`: `step`, but for the last position";
  let description = [{
    Whoever feeds a prompt needs what follows its last token. `prefill` works on
    the state of `step`; of results [batch, positions, ..] it gives the last
    position, and what that alone depends on is computed for no other: the head,
    the last layer from its queries on.
  }];
}

def DecomposeGatedMLP : Pass<"dure-decompose-gated-mlp"> {
  let summary = "Writes gated_mlp as matmuls and elementwise ops again";
  let description = [{
    For targets that fuse the parts better than the whole.
  }];
}

def DecomposeDequantize : Pass<"dure-decompose-dequantize"> {
  let summary = "Writes dequantize by blocks as one by a number, and arithmetic";
  let description = [{
    Of what only a run tells, such as rows gathered from a table; a weight's
    blocks stay. For targets whose kernels widen whole tensors.
  }];
}

def DecomposeMoE : Pass<"dure-decompose-moe"> {
  let summary = "Writes moe as products with the experts' matrices";
  let description = [{
    The parts are dure.expert_matmul, the activation and a sum over a token's
    experts. For targets that fuse the parts better than the whole.
  }];
}

//===----------------------------------------------------------------------===//
// Phase specialize
//===----------------------------------------------------------------------===//

def KeepWindows : Pass<"dure-keep-windows", "::mlir::ModuleOp"> {
  let summary = "Keeps of caches that windows read no more than they can reach";
  let description = [{
    Where attention of a window alone reads a key and a value cache of a state,
    the caches hold the last `window - 1` positions: a step reads them with its
    own behind, and moves up what the next one needs. Before what targets make
    of attention, so that a package of several has one state.
  }];
  let options = [
    Option<"FixedShapes", "fixed-shapes", "bool", /*default=*/"false",
           "No shape may depend on the length of the state">];
}

def AbsorbLatents : Pass<"dure-absorb-latents", "::mlir::ModuleOp"> {
  let summary = "Lets attention read latents rather than keys made of them";
  let description = [{
    Where keys and values of all heads are products of latents with weights,
    beside columns that the heads share (multi-head latent attention): queries
    are multiplied with the keys' weights, attention has the latents as the keys
    and values of one head, and its result is multiplied with the values'
    weights. Where that takes fewer multiplications, which is counted for sizes
    that are constants, and in entries on a state for a long past: a step of one
    position has fewer, a long chunk of a prompt has not.
  }];
}

def SpecializeShapes : Pass<"dure-specialize-shapes", "::mlir::ModuleOp"> {
  let summary = "Makes an entry a table of functions of static shapes";
  let description = [{
    Each entry with symbolic dimensions loses its body and gets
    `dure.bucket_symbols`, the dimensions that choose, and `dure.buckets`: a
    function, the sizes it is for, and the dimensions along which smaller inputs
    are padded. Sizes are those of `buckets`, completed by defaults
    (specialize/BucketChoice.h).
  }];
  let options = [
    Option<"Buckets", "buckets", "std::string", /*default=*/"",
           "What to make code for: NAME=SIZE,... and more of them behind ';'">];
}

//===----------------------------------------------------------------------===//
// Between phases
//===----------------------------------------------------------------------===//

def NoteEqualDims : Pass<"dure-note-equal-dims", "::mlir::ModuleOp"> {
  let summary = "Notes the sizes that must be equal when a function runs";
  let description = [{
    What ops demand of sizes (`dure::sizeRulesOf`) and types do not show to hold
    goes into the function's `dure.equal_dims`. The importer has noted what the
    model's own ops demand; this adds what came with rewriting, or with IR that
    was read.
  }];
}

def VerifyPhase : Pass<"dure-verify-phase", "::mlir::ModuleOp"> {
  let summary = "Checks what must hold after the module's phase";
  let description = [{
    By `dure.phase`: neutral ops alone up to specialize, work in regions up to
    quantize, in dispatch functions after form-dispatches. Every dynamic
    dimension has an expression, and every symbol is bound before it is used.
  }];
}

#endif // DURE_COMPILER_PASSES_TD
