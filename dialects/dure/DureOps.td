// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations of the dure dialect. Elementwise ops are in DureElementwise.td.

#ifndef DURE_OPS_TD
#define DURE_OPS_TD

include "dialects/dure/DureBase.td"
include "dialects/dure/DureElementwise.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

//===----------------------------------------------------------------------===//
// Values from nowhere: constants, weights, dimensions
//===----------------------------------------------------------------------===//

def Dure_ConstantOp : Dure_Op<"constant", [Pure, ConstantLike]> {
  let summary = "A small constant tensor";
  let description = [{
    At most 64 elements, or a splat of any size; anything larger is a weight.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "attr-dict $value `:` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::DenseElementsAttr":$value)>];
}

def Dure_WeightOp : Dure_Op<"weight", [Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A trained tensor, by reference";
  let description = [{
    The tensor that the recipe's steps make of the bytes in `data`. Never holds
    the numbers. Lives at module level. Shapes are static, each step's integers
    and type fit the type before it, and the operands of `multiply`, `add` and
    `subtract` have its element type, fit its shape and, where they are weights,
    lead back to no weight on the way.

    Example:
    ```mlir
    dure.weight @w from #dure.data<file = 0, offset = 64, size = 1024, type = tensor<16x64xi8>>
      [#dure.step<cast -> tensor<16x64xf32>>] : tensor<16x64xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Dure_DataAttr:$data,
                       OptionalAttr<TypedArrayAttrBase<Dure_StepAttr, "recipe">>:$recipe,
                       TypeAttrOf<Dure_Tensor>:$type,
                       OptionalAttr<StrAttr>:$sym_visibility);
  let assemblyFormat = [{
    $sym_name `from` $data ($recipe^)? attr-dict `:` $type
  }];
  let hasVerifier = 1;
}

def Dure_GetWeightOp : Dure_Op<"get_weight", [Pure,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "The value of a weight";
  let description = "`result` has the type of `weight`.";
  let arguments = (ins FlatSymbolRefAttr:$weight);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "$weight attr-dict `:` type($result)";
}

def Dure_DimValuesOp : Dure_Op<"dim_values", [Pure]> {
  let summary = "Dimension expressions as a tensor of integers";
  let description = [{
    A rank-1 i64 tensor of the expressions' values, or rank 0 for one of them.
    What is left of ONNX Shape after shapes are known symbolically.
  }];
  let arguments = (ins Dure_DimsAttr:$exprs);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "$exprs attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Dure_DefineDimsOp : Dure_Op<"define_dims"> {
  let summary = "Binds symbols to the elements of an integer tensor";
  let description = [{
    Reads a rank-0 or rank-1 integer tensor with as many elements as names on
    the host: data-dependent shapes enter here. From here on the symbols may be
    used in types and attributes. Names of values that may be negative begin
    with '$'.
  }];
  let arguments = (ins Dure_Tensor:$values, StrArrayAttr:$names);
  let assemblyFormat = "$values $names attr-dict `:` type($values)";
  let hasVerifier = 1;
}

def Dure_BindDimsOp : Dure_Op<"bind_dims"> {
  let summary = "Gives names to expressions";
  let description = [{
    From here on each name stands for the expression at its place. Keeps sizes
    that follow from values read at run time (a reshape's -1, say) from growing
    into long polynomials: the host computes each once.
  }];
  let arguments = (ins StrArrayAttr:$names, Dure_DimsAttr:$exprs);
  let assemblyFormat = "$names `=` $exprs attr-dict";
  let hasVerifier = 1;
}

def Dure_IotaOp : Dure_Op<"iota", [Pure]> {
  let summary = "0, 1, 2, ... along one axis: result[i] = i[axis]";
  let description = [{
    Any shape; integers (not i1), which wrap, or floats, which round.
  }];
  let arguments = (ins I64Attr:$axis);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "$axis attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Moving data
//===----------------------------------------------------------------------===//

def Dure_ReshapeOp : Dure_Op<"reshape", [Pure]> {
  let summary = "The same elements in row-major order under another shape";
  let description = [{
    The products of both shapes are equal; where symbols keep that from being
    seen it is checked at run time.
  }];
  let arguments = (ins Dure_Tensor:$x);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Dure_BroadcastOp : Dure_Op<"broadcast", [Pure]> {
  let summary = "numpy broadcasting to the result's shape";
  let description = [{
    `result[i.., j..] = x[j..]`, where an index into a dimension of static size
    1 is 0: x has at most the result's rank, shapes are aligned at the last
    dimension, and each size of x is 1 or the result's.
  }];
  let arguments = (ins Dure_Tensor:$x);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Dure_TransposeOp : Dure_InferredOp<"transpose"> {
  let summary = "result dimension i is operand dimension permutation[i]";
  let description = [{
    `result[i[p[0]], i[p[1]], ..] = x[i[0], i[1], ..]` for the permutation p of
    x's dimensions; result has the sizes `size[d] = x.size[p[d]]`.
  }];
  let arguments = (ins Dure_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let hasFolder = 1;
}

def Dure_SliceOp : Dure_InferredOp<"slice"> {
  let summary = "result[i] = x[starts + i * steps], of the given sizes";
  let description = [{
    For every dimension d, `result[i][d]` reads x at `starts[d] + i[d] *
    steps[d]`; result has the shape `sizes`. Starts and sizes are expressions
    (already clamped, as ONNX Slice defines it); steps are integers other than
    0, negative ones walk backwards. What is read lies within x.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_DimsAttr:$starts,
                       Dure_DimsAttr:$sizes, DenseI64ArrayAttr:$steps);
  let hasFolder = 1;
}

def Dure_ConcatOp : Dure_InferredOp<"concat"> {
  let summary = "Operands one after another along an axis";
  let description = [{
    Operands x_0 [.., n_0, ..], x_1 [.., n_1, ..], ... of one element type and
    rank and, but for `axis`, one shape give [.., n_0 + n_1 + ..., ..]:
    `result[.., n_0 + .. + n_(k-1) + i, ..] = x_k[.., i, ..]`.
  }];
  let arguments = (ins Variadic<Dure_Tensor>:$xs, I64Attr:$axis);
  let hasFolder = 1;
}

def Dure_PadOp : Dure_InferredOp<"pad"> {
  let summary = "Grows (or, negative, cuts) each dimension at both ends";
  let description = [{
    Sizes become `low[d] + n[d] + high[d]`. With j = i - low, `result[i]` is
    x[j] where j lies in x, and elsewhere, by `mode` and per dimension of size
    n:

    * `constant`: `value`, one element of x's type, or 0;
    * `edge`: the nearest element, x[min(max(j, 0), n - 1)];
    * `reflect`: the mirror image without the edge itself, with period 2 (n - 1);
    * `wrap`: x[j mod n].

    Where x is empty, every mode gives `value`, or 0.
  }];
  let arguments = (ins Dure_Tensor:$x, Optional<Dure_Tensor>:$value,
                       Dure_DimsAttr:$low, Dure_DimsAttr:$high,
                       DefaultValuedAttr<Dure_PadModeAttr, "PadMode::Constant">:$mode);
}

def Dure_GatherOp : Dure_InferredOp<"gather"> {
  let summary = "Rows of x along an axis, chosen by indices";
  let description = [{
    `result[i.., j.., k..] = x[i.., indices[j..], k..]`, where i runs over the
    dimensions before `axis`: x [I.., N, K..] and indices [J..] give [I.., J..,
    K..]. Indices are integers; negative ones count from the end; an index
    outside -N .. N - 1 is an error at run time.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$indices, I64Attr:$axis);
}

def Dure_GatherElementsOp : Dure_InferredOp<"gather_elements"> {
  let summary = "result[i] = x[i with i[axis] replaced by indices[i]]";
  let description = [{
    The result has the shape of indices, which has x's rank and, but for
    `axis`, sizes of at most x's. Indices as in `dure.gather`.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$indices, I64Attr:$axis);
}

def Dure_GatherNDOp : Dure_InferredOp<"gather_nd"> {
  let summary = "Slices of x at index tuples (ONNX GatherND)";
  let description = [{
    x [B.., N_1, .., N_R, K..] and indices [B.., J.., R], whose last dimension
    is static, give [B.., J.., K..]:

    `result[b.., j.., k..] = x[b.., indices[b.., j.., 0], ..,
    indices[b.., j.., R - 1], k..]`,

    where B.. are the first `batch_dims` dimensions. Indices as in
    `dure.gather`.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batch_dims);
}

def Dure_ScatterNDOp : Dure_InferredOp<"scatter_nd"> {
  let summary = "x with slices replaced at index tuples (ONNX ScatterND)";
  let description = [{
    x [N_1, .., N_R, K..], indices [J.., R], whose last dimension is static,
    and updates [J.., K..] of x's element type give x with, for each j.. in
    row-major order and each k..,

    `result[indices[j.., 0], .., indices[j.., R - 1], k..] op= updates[j.., k..]`

    where op is by `reduction`: `none` replaces, so that the last of several
    updates of one place wins; `add`, `mul`, `max` and `min` join the old value
    with the new one, f16 and bf16 rounded after each, integers wrapping.
    Indices as in `dure.gather`.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$indices,
      Dure_Tensor:$updates,
      DefaultValuedAttr<Dure_ScatterReductionAttr, "ScatterReduction::None">:$reduction);
}

def Dure_ScatterElementsOp : Dure_InferredOp<"scatter_elements"> {
  let summary = "x with single elements replaced along an axis";
  let description = [{
    indices and updates (of x's element type) have one shape of x's rank, whose
    sizes, but for `axis`, are at most x's. The result is x with, for each i in
    row-major order,

    `result[i with i[axis] replaced by indices[i]] op= updates[i]`,

    `reduction` and repeated places as in `dure.scatter_nd`, indices as in
    `dure.gather`.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$indices,
      Dure_Tensor:$updates, I64Attr:$axis,
      DefaultValuedAttr<Dure_ScatterReductionAttr, "ScatterReduction::None">:$reduction);
}

//===----------------------------------------------------------------------===//
// Reductions and scans
//===----------------------------------------------------------------------===//

def Dure_ReduceOp : Dure_InferredOp<"reduce"> {
  let summary = "Reduces over axes";
  let description = [{
    x [K.., R..] gives [K..], or with `keep_dims` [K.., 1..]; R.. are the
    dimensions `axes`, which are non-negative, sorted and unique. Over the n
    elements of R..:

    | kind | value | | kind | value |
    |---|---|---|---|---|
    | `sum` | sum x | | `l1` | sum abs x |
    | `mean` | sum x / n | | `l2` | sqrt(sum x^2) |
    | `max` | the largest, NaN if any is | | `sum_square` | sum x^2 |
    | `min` | the smallest, NaN if any is | | `log_sum` | ln(sum x) |
    | `prod` | the product | | `log_sum_exp` | ln(sum e^x) |

    f16 and bf16 are accumulated in f32. Over nothing: sum 0, prod 1, max the
    lowest and min the highest value of the type.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_ReduceKindAttr:$kind,
                       DenseI64ArrayAttr:$axes, BoolAttr:$keep_dims);
}

def Dure_SoftmaxOp : Dure_InferredOp<"softmax"> {
  let summary = "exp(x - max) / sum(exp(x - max)) along an axis";
  let description = [{
    `result[i] = exp(x[i] - m) / sum_j exp(x[j] - m)`, where j runs over the
    `axis` of i and m is the largest x[j]; with `log`, `x[i] - m - ln(sum_j
    exp(x[j] - m))`. x is floating point of any shape, the result has its type;
    f16 and bf16 are computed in f32.
  }];
  let arguments = (ins Dure_Tensor:$x, I64Attr:$axis,
                       DefaultValuedAttr<BoolAttr, "false">:$log);
}

def Dure_CumSumOp : Dure_InferredOp<"cumsum"> {
  let summary = "Running sums along an axis (ONNX CumSum)";
  let description = [{
    `result[i] = sum of x[j]`, j running over the `axis` of i up to i itself,
    or with `exclusive` up to the one before (the first is 0); with `reverse`
    the order along the axis is from the end. The result has x's type; f16 and
    bf16 are accumulated in f32, integers wrap.
  }];
  let arguments = (ins Dure_Tensor:$x, I64Attr:$axis,
                       DefaultValuedAttr<BoolAttr, "false">:$exclusive,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
}

def Dure_CumProdOp : Dure_InferredOp<"cumprod"> {
  let summary = "Running products along an axis (ONNX CumProd)";
  let description = [{
    As `dure.cumsum`, with products for sums: `exclusive` begins with 1.
  }];
  let arguments = (ins Dure_Tensor:$x, I64Attr:$axis,
                       DefaultValuedAttr<BoolAttr, "false">:$exclusive,
                       DefaultValuedAttr<BoolAttr, "false">:$reverse);
}

def Dure_TopKOp : Dure_InferredOp<"top_k"> {
  let summary = "Places of the first elements in sorted order";
  let description = [{
    Along the `axis`, element j of the result is the index of x's element that
    is j-th from the largest, or with `smallest` from the smallest; the result
    has `k` (one expression) of them, all other dimensions are x's, and i64
    elements. Of equal elements the one at the lower index comes first, with
    `last_first` the one at the higher. A NaN is larger than every number.

    x has at least `k` elements along the axis. The elements themselves are
    `dure.gather_elements` of x.
  }];
  let arguments = (ins Dure_Tensor:$x, I64Attr:$axis, Dure_DimsAttr:$k,
                       DefaultValuedAttr<BoolAttr, "false">:$smallest,
                       DefaultValuedAttr<BoolAttr, "false">:$last_first);
}

//===----------------------------------------------------------------------===//
// Transformer operations
//===----------------------------------------------------------------------===//

def Dure_MatMulOp : Dure_InferredOp<"matmul"> {
  let summary = "Batched matrix product";
  let description = [{
    lhs [..., M, K] (or [..., K, M] with `transpose_lhs`) times rhs [..., K, N]
    (or [..., N, K] with `transpose_rhs`) gives [..., M, N]; leading dimensions
    broadcast. `result[m, n] = sum_k lhs[m, k] * rhs[k, n]`. Both have one type
    of numbers, which the result has. Floating types accumulate in f32 (f64 in
    f64), integers in i32.

    Weight formats are no business of the op: types stay logical. An operand
    that is a `dure.weight` in few bits is read through `dure.dequantize`, or
    through the cast and multiply steps of its recipe. An operand that lies in
    memory otherwise than row by row, in the target's panels say, is said to by
    the attribute `dure.layout` of the dispatch function's argument: the
    `#dure.step` (`pack_panels[16]`) that the weight's recipe ends in. It has
    one place, so that a matmul and its weight cannot disagree.
  }];
  let arguments = (ins Dure_Tensor:$lhs, Dure_Tensor:$rhs,
                       DefaultValuedAttr<BoolAttr, "false">:$transpose_lhs,
                       DefaultValuedAttr<BoolAttr, "false">:$transpose_rhs);
}

def Dure_LayerNormOp : Dure_InferredOp<"layer_norm"> {
  let summary = "Layer normalization over the dimensions from an axis on";
  let description = [{
    `(x - mean) / sqrt(variance + epsilon) * scale + bias`, mean and biased
    variance over dimensions `axis`..rank-1, computed in f32 at least; scale and
    bias are floating point and broadcast to x. The result has x's type.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$scale,
                       Optional<Dure_Tensor>:$bias, I64Attr:$axis,
                       F32Attr:$epsilon);
}

def Dure_RMSNormOp : Dure_InferredOp<"rms_norm"> {
  let summary = "Root-mean-square normalization";
  let description = [{
    `x / sqrt(mean(x^2) + epsilon) * scale`, the mean over dimensions
    `axis`..rank-1, computed in f32 at least; the quotient is rounded to x's
    type before the product with scale, which is floating point and broadcasts
    to x. The result has x's type.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$scale, I64Attr:$axis,
                       F32Attr:$epsilon);
}

def Dure_RopeOp : Dure_InferredOp<"rope"> {
  let summary = "Rotary position embedding";
  let description = [{
    x is [..., T, D] with a static D; cos and sin are floating point and
    broadcast to [..., T, R/2], R = `rotary_dim` <= D even. Pairs (a, b) of the first R elements of a row
    become (a cos - b sin, b cos + a sin); `half` pairs i with i + R/2,
    `interleaved` 2i with 2i + 1. Elements from R on pass unchanged.
    (Su et al., RoFormer, arXiv 2104.09864.)
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$cos, Dure_Tensor:$sin,
                       Dure_RopeLayoutAttr:$layout, I64Attr:$rotary_dim);
}

def Dure_AttentionOp : Dure_Op<"attention", [Pure, AttrSizedOperandSegments,
    InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Scaled dot-product attention with grouped heads";
  let description = [{
    q [B, H, T, D], k [B, G, S, D], v [B, G, S, E] with H a multiple of G; head
    h reads group h / (H / G). With s = scale * (q . k^T):

    1. softcap c > 0: s = c tanh(s / c);
    2. mask, broadcast to [B, H, T, S]: i1 says which keys are seen; a float is
       added;
    3. causal: query t sees keys up to t + (S - T) (aligned at the bottom
       right); window w > 0: and only keys later than t + (S - T) - w, so w keys
       with its own;
    4. `sinks` [H]: one more column of scores, which gets weight but no value;
    5. softmax over keys in f32; result = p v, [B, H, T, E].

    A key is hidden from a query by the mask (false, or -inf whatever the
    score), by `causal` or `window`, or by a score of -inf. It takes no part in
    that query's sums: its rows of k and v may hold anything there, NaN and
    infinities too, as memory behind the length of a cache does. (Models that
    spell attention out multiply those values by zero, which makes NaN of them.)

    A row that sees none of its S > 0 keys gives `empty_row`: zero, the mean of
    v over all keys (what an additive mask of the lowest finite value gives), or
    NaN (what -inf gives). Where there are no keys at all (S = 0) the result is
    0 whatever `empty_row` says: a product over nothing.

    q, k, v and the result have one floating point type, sinks any. `scale` and
    `softcap` are f32 for q of f64, too; scores are computed in f32 at least.
    (Vaswani et al., arXiv 1706.03762; Milakov and Gimelshein, arXiv 1805.02867.)
  }];
  let arguments = (ins Dure_Tensor:$q, Dure_Tensor:$k, Dure_Tensor:$v,
      Optional<Dure_Tensor>:$mask, Optional<Dure_Tensor>:$sinks,
      F32Attr:$scale, DefaultValuedAttr<BoolAttr, "false">:$causal,
      DefaultValuedAttr<I64Attr, "0">:$window,
      DefaultValuedAttr<F32Attr, "0.0f">:$softcap,
      Dure_EmptyRowAttr:$empty_row);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`mask` $mask^)? (`sinks` $sinks^)? attr-dict
    `:` functional-type(operands, $result)
  }];
}

def Dure_LinearAttentionOp : Dure_Op<"linear_attention", [Pure,
    AttrSizedOperandSegments, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Attention through a recurrent state (linear, gated, delta)";
  let description = [{
    q [B, G R, T, D], k [B, G, T, D], v [B, G, T, E] and the state S [B, G, D,
    E], all of f32 or all of f64. For every token t in turn, in each group,

    1. with `decay`, [B, G, T, D] or [B, G, T, 1]: S[d, e] *= exp(decay[t, d]);
    2. u = v[t]; with `beta`, [B, G, T, 1] or [B, 1, T, 1]: u = beta[t] (v[t] -
       S^T k[t]), the delta rule;
    3. S[d, e] += k[t, d] u[e];
    4. for each of the R query heads of the group: o[t] = `scale` S^T q[t].

    The result is [B, G, R T + D, E]: row r T + t is o[t] of the group's query
    head r, the last D rows are the state after the last token.
    (Yang et al., Gated Delta Networks, arXiv 2412.06464.)
  }];
  let arguments = (ins Dure_Tensor:$q, Dure_Tensor:$k, Dure_Tensor:$v,
      Dure_Tensor:$state, Optional<Dure_Tensor>:$decay,
      Optional<Dure_Tensor>:$beta, F32Attr:$scale);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = [{
    $q `,` $k `,` $v `,` $state (`decay` $decay^)? (`beta` $beta^)? attr-dict
    `:` functional-type(operands, $result)
  }];
}

def Dure_GatedMLPOp : Dure_InferredOp<"gated_mlp"> {
  let summary = "act(x w_gate) * (x w_up), times w_down";
  let description = [{
    x [..., K], w_gate and w_up [K, I], w_down [I, N] of one floating point type
    give [..., N]: `result = (act(x w_gate) * (x w_up)) w_down`, computed in f32
    at least and rounded once; a target that runs the parts one by one rounds
    after each. act is by `activation` the op of that name, or nothing.
    (Shazeer, GLU variants, arXiv 2002.05202.)
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$w_gate, Dure_Tensor:$w_up,
                       Dure_Tensor:$w_down, Dure_GluActivationAttr:$activation);
}

def Dure_MoEOp : Dure_Op<"moe", [Pure, AttrSizedOperandSegments,
    InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "Feed-forward experts, a few of many for each token";
  let description = [{
    x [T, K], experts [T, S] of integers and weights [T, S] of floating point:
    token t goes to the S experts `experts[t, ..]`, which count by `weights[t,
    ..]`. Of E experts, number e has w_up[e] of w_up [E, K, I], w_down[e] of
    w_down [E, I, N] and, where they are given, w_gate[e] of w_gate [E, K, I],
    b_up[e] and b_gate[e] of [E, I] and b_down[e] of [E, N]. The result is [T,
    N]:

    `result[t] = sum_s weights[t, s] * (h w_down[e] + b_down[e])`, where e =
    `experts[t, s]`, u = x[t] w_up[e] + b_up[e], g = x[t] w_gate[e] + b_gate[e]
    and

    * with a gate, `h = act(min(g, L)) * (max(min(u, L), -L) + offset)`, L being
      `limit`, or infinite where that is 0;
    * without one, `h = act(u)`; then `limit` and `offset` are 0.

    act is by `activation` the op of that name, or nothing; `silu` is `x *
    sigmoid(alpha * x)`, for the others `alpha` is 1.

    Experts that no token goes to are not read: whatever they hold (NaN, say),
    the result is the same. The router, which makes experts and weights, is
    ordinary ops. Indices are as in `dure.gather`; an expert that a token names
    twice counts twice.

    x, the experts' parameters and the result have one floating point type, the
    weights any. Computed in f32 at least and rounded once; a target that runs
    the parts one by one rounds after each.
    (Shazeer et al., arXiv 1701.06538; Fedus et al., arXiv 2101.03961.)
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$experts,
      Dure_Tensor:$weights, Optional<Dure_Tensor>:$w_gate, Dure_Tensor:$w_up,
      Dure_Tensor:$w_down, Optional<Dure_Tensor>:$b_gate,
      Optional<Dure_Tensor>:$b_up, Optional<Dure_Tensor>:$b_down,
      Dure_GluActivationAttr:$activation,
      DefaultValuedAttr<F32Attr, "1.0f">:$alpha,
      DefaultValuedAttr<F32Attr, "0.0f">:$offset,
      DefaultValuedAttr<F32Attr, "0.0f">:$limit);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = [{
    $x `to` $experts `by` $weights (`gate` $w_gate^ (`+` $b_gate^)?)?
    `up` $w_up (`+` $b_up^)? `down` $w_down (`+` $b_down^)? attr-dict
    `:` functional-type(operands, $result)
  }];
}

def Dure_ExpertMatMulOp : Dure_InferredOp<"expert_matmul"> {
  let summary = "Each row times a matrix of its own, one of a few";
  let description = [{
    x [T, S, K], or [T, K], whose rows then count for every s, experts [T, S] of
    integers and w [E, K, N] give [T, S, N]: `result[t, s] = x[t, s]
    w[experts[t, s]]`, products and sums as in `dure.matmul`, x, w and the
    result of one floating point type. Experts of [T, 1] beside x [T, S, K]
    count for every s. Matrices that no row names are not read.
    Indices are as in `dure.gather`. What a target makes of `dure.moe` that
    runs its parts one by one.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$experts, Dure_Tensor:$w);
}

def Dure_CacheUpdateOp : Dure_Op<"cache_update", [
    MemoryEffects<[MemWrite]>, InferTypeOpAdaptorWithIsCompatible]> {
  let summary = "A key or value cache with new rows written behind the old";
  let description = [{
    cache [B, G, C, D] and update [B, G, T, D] of one type and lengths [B] of
    i64 give [B, G, C, D]: `result[b, g, lengths[b] + t, d] = update[b, g, t,
    d]` for t = 0 .. T - 1, and the cache elsewhere. The host program makes it
    in place, for calls to come even where nothing reads the result; what else
    reads the cache must be needed for the update. A negative length, or rows
    beyond the capacity C, are an error at run time.
  }];
  let arguments = (ins Dure_Tensor:$cache, Dure_Tensor:$update,
                       Dure_Tensor:$lengths);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, $result)";
}

def Dure_DequantizeOp : Dure_InferredOp<"dequantize"> {
  let summary = "(x - zero_point) * scale";
  let description = [{
    x has integers of at most 32 bits, or fp8; scale is floating point of rank
    0 (per tensor), [N] for x [.., N, ..] with N at `axis`, or, with a `block`
    S > 0, [.., ceildiv(N, S), ..]: element i of the axis then has scale i / S.
    The zero point, 0 if there is none, has x's element type or scale's, and
    scale's shape. The result has x's shape and scale's type: integers are
    subtracted as i32, the product is computed in f32 at least and rounded once.
  }];
  let arguments = (ins Dure_Tensor:$x, Dure_Tensor:$scale,
                       Optional<Dure_Tensor>:$zero_point,
                       DefaultValuedAttr<I64Attr, "1">:$axis,
                       DefaultValuedAttr<I64Attr, "0">:$block);
}

//===----------------------------------------------------------------------===//
// Placement and dispatch
//===----------------------------------------------------------------------===//

def Dure_RegionOp : Dure_Op<"region", [SingleBlock,
    NoRegionArguments, RecursiveMemoryEffects]> {
  let summary = "Neighbouring ops placed on one target";
  let description = [{
    The body computes the results, which `dure.yield` gives; it reads values
    from around it. `place` makes regions, `form-dispatches` cuts them into
    dispatches of `target`.
  }];
  let arguments = (ins StrAttr:$target);
  let results = (outs Variadic<Dure_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$target (`->` type($results)^)? attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

def Dure_BranchOp : Dure_Op<"if", [SingleBlock, NoRegionArguments,
    RecursiveMemoryEffects]> {
  let summary = "One of two blocks, chosen by the host at run time";
  let description = [{
    `condition` is one expression: the first block runs where it is not 0, the
    second one where it is. What the block yields are the results. A result's
    dim is the same expression in both blocks and in the result's type, or a
    symbol of its own in the result's type, which the op binds.

    Example:
    ```mlir
    dure.define_dims %c ["$c"] : tensor<i1>
    %y = dure.if <["$c"]> -> tensor<4xf32> {
      dure.yield %a : tensor<4xf32>
    } else {
      dure.yield %b : tensor<4xf32>
    }
    ```
  }];
  let arguments = (ins Dure_DimsAttr:$condition);
  let results = (outs Variadic<Dure_Tensor>:$results);
  let regions = (region SizedRegion<1>:$then, SizedRegion<1>:$otherwise);
  let assemblyFormat = [{
    $condition (`->` type($results)^)? attr-dict-with-keyword $then `else`
    $otherwise
  }];
  let hasVerifier = 1;
}

def Dure_IterateOp : Dure_Op<"loop", [SingleBlock, RecursiveMemoryEffects]> {
  let summary = "A block that runs again and again on what it yielded";
  let description = [{
    The block's arguments are the values that are carried: `inits` at first,
    then what the iteration before yielded. It runs while its number, the symbol
    `induction` (0, 1, ...), is below the expression `trips` and, with `entry`,
    while that expression is not 0 at first and the tensor<i1> that the block
    yields before all else is true later on.

    The results are the carried values at the end, then one tensor for each
    other value that is yielded: [count, dims..], the iterations' values one
    after another, of equal shape. `count` is the symbol that the op binds to the
    number of iterations made; in the types of those tensors it may be `trips`
    where the loop ends in no other way.

    A dim of a carried value is the same expression in every iteration, or a
    symbol in the argument's type and another in the result's type, which the op
    binds; so is a dim of the stacked values that only the block knows.

    Example:
    ```mlir
    %sum = dure.loop "i" <["n"]> "count" (%zero) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%s: tensor<f32>):
      %t = dure.add %s, %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
      dure.yield %t : tensor<f32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$induction, Dure_DimsAttr:$trips, StrAttr:$count,
                       OptionalAttr<Dure_DimsAttr>:$entry,
                       Variadic<Dure_Tensor>:$inits);
  let results = (outs Variadic<Dure_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $induction $trips $count (`while` $entry^)? `(` $inits `)` `:`
    functional-type($inits, $results) attr-dict-with-keyword $body
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether the block yields whether to go on.
    bool isConditional() { return getEntry().has_value(); }
    /// What the block yields for the carried values, and for stacked ones.
    ::mlir::OperandRange nextValues();
    ::mlir::OperandRange stackedValues();
  }];
}

def Dure_YieldOp : Dure_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["RegionOp", "BranchOp", "IterateOp"]>]> {
  let summary = "Ends a block with its results";
  let description = "The values have the types that the op around it says.";
  let arguments = (ins Variadic<Dure_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Dure_CallDispatchOp : Dure_Op<"dispatch", [
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "One launch of one entry of a target's code";
  let description = [{
    Runs the function `callee` (marked `dure.dispatch_fn`) on a target.
    `bindings` gives, by position, the expression that each of the callee's
    symbols stands for in the caller: the callee's `dure.symbols`. One that
    `updates` a tensor of the state is run though nothing reads its results.
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, StrAttr:$target,
                       Dure_DimsAttr:$bindings, UnitAttr:$updates,
                       Variadic<Dure_Tensor>:$xs);
  let results = (outs Variadic<Dure_Tensor>:$results);
  let assemblyFormat = [{
    $target $callee $bindings `(` $xs `)` attr-dict
    `:` functional-type($xs, $results)
  }];
}

def Dure_TransferOp : Dure_Op<"transfer", [Pure,
    AllTypesMatch<["x", "result"]>]> {
  let summary = "The same tensor in the memory of another target's device";
  let description = [{
    Programs that run on several devices copy a value to where it is used.
    `form-dispatches` inserts it last, between dispatches.
  }];
  let arguments = (ins Dure_Tensor:$x, StrAttr:$target);
  let results = (outs Dure_Tensor:$result);
  let assemblyFormat = "$x `to` $target attr-dict `:` type($x)";
}

#endif // DURE_OPS_TD
