// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations of the tcp dialect.

#ifndef TCP_OPS_TD
#define TCP_OPS_TD

include "dialects/tcp/TcpBase.td"
include "mlir/IR/RegionKindInterface.td"

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

def Tcp_AllocOp : Tcp_Op<"alloc", [Pure]> {
  let summary = "A place in data memory, a register file or the HBM workspace";
  let description = [{
    `offset` is in bytes: within each slice, within each lane, or within the
    workspace. Two places may share bytes: commands that touch the same ones are
    ordered when the program is encoded.
  }];
  let arguments = (ins I64Attr:$offset);
  let results = (outs Tcp_Memory:$result);
  let assemblyFormat = "$offset attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tcp_ConstantOp : Tcp_Op<"constant", [Pure]> {
  let summary = "Numbers that the code object brings along, in HBM";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Tcp_Hbm:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Tcp_ViewOp : Tcp_Op<"view", [Pure]> {
  let summary = "The same bytes from `offset` on, laid out otherwise";
  let description = [{
    In data memory it begins `slice` slices after its source does, those of one
    cluster before those of the next.
  }];
  let arguments = (ins Tcp_Memory:$source, I64Attr:$offset,
                       DefaultValuedAttr<I64Attr, "0">:$slice);
  let results = (outs Tcp_Memory:$result);
  let assemblyFormat = [{
    $source `at` $offset (`slice` $slice^)? attr-dict
    `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// DMA (moving-tensors/dma-engine.md). What goes between host and HBM, the book's
// pdma, is copied by the runtime and not part of a program.
//===----------------------------------------------------------------------===//

def Tcp_TdmaOp : Tcp_Op<"tdma"> {
  let summary = "Copies a tensor, as one command of one DMA engine or one of several";
  let description = [{
    Every element of `target` gets the element of `source` with the same
    coordinates; an axis that the source lacks repeats. Padding of the target is
    not written. With `commands` the outermost loop that is long enough is divided
    among as many engines, from `engine` on.
  }];
  let arguments = (ins Tcp_Memory:$source, Tcp_Memory:$target, I64Attr:$engine,
                       DefaultValuedAttr<I64Attr, "1">:$commands,
                       Variadic<Tcp_Token>:$after);
  let results = (outs Tcp_Token:$done);
  let assemblyFormat = [{
    `engine` $engine (`commands` $commands^)? $source `to` $target (`after` $after^)? attr-dict
    `:` type($source) `to` type($target)
  }];
  let hasVerifier = 1;
}

def Tcp_TdmaGatherOp : Tcp_Op<"tdma_gather"> {
  let summary = "Copies the rows that an index names, as one DMA command or several";
  let description = [{
    As `tdma`, divided among engines too; the coordinate of axis `key` of the source is read from `index`,
    an i32 tensor, at the coordinates of the target. An index outside of the axis
    is a fault.
  }];
  let arguments = (ins Tcp_Memory:$source, Tcp_Memory:$index, Tcp_Memory:$target, StrAttr:$key,
                       I64Attr:$engine, DefaultValuedAttr<I64Attr, "1">:$commands,
                       Variadic<Tcp_Token>:$after);
  let results = (outs Tcp_Token:$done);
  let assemblyFormat = [{
    `engine` $engine (`commands` $commands^)? $source `at` $index `of` $key `to` $target
    (`after` $after^)? attr-dict
    `:` type($source) `,` type($index) `to` type($target)
  }];
  let hasVerifier = 1;
}

def Tcp_TdmaScatterOp : Tcp_Op<"tdma_scatter"> {
  let summary = "Copies rows to where an index names, as one DMA command";
  let description = [{
    The reverse of `tdma_gather`: the coordinate of axis `key` of the target is
    read from `index` at the coordinates of the source. Rows that no index names
    keep what they have.
  }];
  let arguments = (ins Tcp_Memory:$source, Tcp_Memory:$target, Tcp_Memory:$index, StrAttr:$key,
                       I64Attr:$engine, Variadic<Tcp_Token>:$after);
  let results = (outs Tcp_Token:$done);
  let assemblyFormat = [{
    `engine` $engine $source `to` $target `at` $index `of` $key (`after` $after^)? attr-dict
    `:` type($source) `to` type($target) `,` type($index)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Instructions of the tensor unit
//===----------------------------------------------------------------------===//

def Tcp_Context : I32EnumAttr<"Context", "an execution context", [
  I32EnumAttrCase<"Main", 0, "main">, I32EnumAttrCase<"Sub", 1, "sub">]> {
  let cppNamespace = "::dure::tcp";
  let genSpecializedAttr = 0;
}

def Tcp_ExecOp : Tcp_Op<"exec", [NoTerminator, SingleBlock]> {
  let summary = "One instruction of the tensor unit";
  let description = [{
    The body streams from one fetch to one commit, to_trf or to_vrf. Slices that
    the streams' types do not fill take part too (their results count for
    nothing). scheduling/schedule.md: instructions of a context run in order.

    No transfer runs beside an instruction with `occupies_dma`, which one needs
    whose fetch or commit touches a bank of data memory 64 times and more without
    a break (memory-performance.md, Bank Starvation).
  }];
  let arguments = (ins EnumAttr<Tcp_Dialect, Tcp_Context, "context">:$on,
                       Variadic<Tcp_Token>:$after, UnitAttr:$occupies_dma);
  let results = (outs Tcp_Token:$done);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
}

class Tcp_StreamOp<string mnemonic, list<Trait> traits = []> :
    Tcp_Op<mnemonic, !listconcat([Pure, HasParent<"ExecOp">], traits)> {
  let results = (outs Tcp_Stream:$result);
}

def Tcp_FetchOp : Tcp_StreamOp<"fetch"> {
  let summary = "Reads data memory as packets (moving-tensors/fetch-engine.md)";
  let arguments = (ins Tcp_Dm:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_FetchPairOp : Tcp_StreamOp<"fetch_pair", [AllTypesMatch<["first", "second"]>]> {
  let summary = "Reads two tensors in turns (fetch-engine.md, Interleaving)";
  let description = [{
    Both have one layout; axis `pair` of the result's time, of size 2, says which
    tensor a packet is of.
  }];
  let arguments = (ins Tcp_Dm:$first, Tcp_Dm:$second, StrAttr:$pair);
  let assemblyFormat = "$first `,` $second `by` $pair attr-dict `:` type($first) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_FetchLookupOp : Tcp_StreamOp<"fetch_lookup"> {
  let summary = "Decodes elements by a table on their way in (fetch-adapter.md, Table Lookup)";
  let arguments = (ins Tcp_Stream:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_FetchCastOp : Tcp_StreamOp<"fetch_cast"> {
  let summary = "Converts elements on their way in (fetch-adapter.md)";
  let arguments = (ins Tcp_Stream:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_FetchZeroPointOp : Tcp_StreamOp<"fetch_zero_point"> {
  let summary = "Takes a zero point from i4 or i8 (fetch-adapter.md, Zero-Point Subtraction)";
  let description = [{
    The difference is an i5 or i9, which contractions alone take: a place of a
    flit still is one of 4 or 8 bits.
  }];
  let arguments = (ins Tcp_Stream:$source, I64Attr:$zero);
  let assemblyFormat = "$source `less` $zero attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_Topology : I32EnumAttr<"Topology", "how the switch is set", [
  I32EnumAttrCase<"Broadcast01", 1, "broadcast01">, I32EnumAttrCase<"Broadcast1", 2, "broadcast1">,
  I32EnumAttrCase<"Transpose", 3, "transpose">,
  I32EnumAttrCase<"InterTranspose", 4, "inter_transpose">,
  I32EnumAttrCase<"TransposedBroadcast1", 5, "transposed_broadcast1">]> {
  let cppNamespace = "::dure::tcp";
  let genSpecializedAttr = 0;
}

def Tcp_SwitchOp : Tcp_StreamOp<"switch"> {
  let summary = "Moves packets between slices (switch-engine.md)";
  let description = [{
    Cuts the slices into `slice2`, `slice1` and `slice0` from the outermost
    inwards and time in front of its innermost `time0` positions; the page says
    for each topology what of them the result has where. Digits of slices that
    data is copied to are new or `_`. `time0` matters to `broadcast01` and
    `inter_transpose` only.
  }];
  let arguments = (ins Tcp_Stream:$source, EnumAttr<Tcp_Dialect, Tcp_Topology, "topology">:$topology,
                       I64Attr:$slice1, I64Attr:$slice0, I64Attr:$time0);
  let assemblyFormat = [{
    `` $topology `(` $slice1 `,` $slice0 `,` $time0 `)` $source attr-dict
    `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

def Tcp_CollectOp : Tcp_StreamOp<"collect"> {
  let summary = "Cuts packets into flits of 32 bytes (collect-engine.md)";
  let arguments = (ins Tcp_Stream:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_ToTrfOp : Tcp_Op<"to_trf", [HasParent<"ExecOp">]> {
  let summary = "Fills the tensor register file (register-files.md)";
  let arguments = (ins Tcp_Stream:$source, Tcp_Trf:$target);
  let assemblyFormat = "$source `to` $target attr-dict `:` type($source) `to` type($target)";
  let hasVerifier = 1;
}

def Tcp_ToVrfOp : Tcp_Op<"to_vrf", [HasParent<"ExecOp">]> {
  let summary = "Fills the vector register file (register-files.md)";
  let arguments = (ins Tcp_Stream:$source, Tcp_Vrf:$target);
  let assemblyFormat = "$source `to` $target attr-dict `:` type($source) `to` type($target)";
  let hasVerifier = 1;
}

def Tcp_ContractOuterOp : Tcp_StreamOp<"contract_outer"> {
  let summary = "Multiplies each packet with the register file (contraction-engine/outer.md)";
  let description = [{
    The result's packet is `pack` flits of the stream; its time is the stream's
    less what packing took, followed by digits for which packets are repeated.
  }];
  let arguments = (ins Tcp_Stream:$source, Tcp_Trf:$operand, I64Attr:$pack);
  let assemblyFormat = [{
    $source `,` $operand `pack` $pack attr-dict
    `:` type($source) `,` type($operand) `to` type($result)
  }];
  let hasVerifier = 1;
}

def Tcp_ContractPacketOp : Tcp_StreamOp<"contract_packet"> {
  let summary = "Adds 2^depth neighbours of a packet (contraction-engine/packet-reducer.md)";
  let arguments = (ins Tcp_Stream:$source, I64Attr:$depth);
  let assemblyFormat = "$source `depth` $depth attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_ContractTimeOp : Tcp_StreamOp<"contract_time"> {
  let summary = "Adds over the digits of time that the result lacks (time-reducer.md)";
  let arguments = (ins Tcp_Stream:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_ContractLaneOp : Tcp_StreamOp<"contract_lane"> {
  let summary = "Lanes become neighbours, or follow each other (lane-folder.md)";
  let arguments = (ins Tcp_Stream:$source, UnitAttr:$sequential);
  let assemblyFormat = "(`sequential` $sequential^)? $source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Vector engine (vector-engine/intra-slice-chain.md)
//===----------------------------------------------------------------------===//

// Values are those of the code object's VectorOp.
def Tcp_VectorKind : I32EnumAttr<"VectorKind", "a step of the vector engine", [
  I32EnumAttrCase<"NarrowSplit", 1, "narrow_split">,
  I32EnumAttrCase<"NarrowTrim", 2, "narrow_trim">,
  I32EnumAttrCase<"WidenConcat", 3, "widen_concat">,
  I32EnumAttrCase<"WidenPad", 4, "widen_pad">,
  I32EnumAttrCase<"I32ToF32", 5, "i32_to_f32">,
  I32EnumAttrCase<"F32ToI32", 6, "f32_to_i32">,
  I32EnumAttrCase<"Reinterpret", 7, "reinterpret">,
  I32EnumAttrCase<"BitAnd", 16, "and">, I32EnumAttrCase<"BitOr", 17, "or">,
  I32EnumAttrCase<"BitXor", 18, "xor">, I32EnumAttrCase<"ShiftLeft", 19, "shl">,
  I32EnumAttrCase<"ShiftRightLogic", 20, "shr">,
  I32EnumAttrCase<"ShiftRightArith", 21, "sar">,
  I32EnumAttrCase<"AddFxp", 32, "add_fxp">, I32EnumAttrCase<"AddFxpSat", 33, "add_fxp_sat">,
  I32EnumAttrCase<"SubFxp", 34, "sub_fxp">, I32EnumAttrCase<"SubFxpSat", 35, "sub_fxp_sat">,
  I32EnumAttrCase<"MulInt", 39, "mul_int">,
  I32EnumAttrCase<"FxpShiftRightLogic", 40, "fxp_shr">,
  I32EnumAttrCase<"Exp", 64, "exp">, I32EnumAttrCase<"NegExp", 65, "neg_exp">,
  I32EnumAttrCase<"Sqrt", 66, "sqrt">, I32EnumAttrCase<"Tanh", 67, "tanh">,
  I32EnumAttrCase<"Sigmoid", 68, "sigmoid">, I32EnumAttrCase<"Erf", 69, "erf">,
  I32EnumAttrCase<"Log", 70, "log">, I32EnumAttrCase<"Sin", 71, "sin">,
  I32EnumAttrCase<"Cos", 72, "cos">, I32EnumAttrCase<"DivFpu", 73, "div_fpu">,
  I32EnumAttrCase<"AddF", 74, "add_f">, I32EnumAttrCase<"SubF", 75, "sub_f">,
  I32EnumAttrCase<"MulFma", 76, "mul_fma">, I32EnumAttrCase<"Mul0", 77, "mul0">,
  I32EnumAttrCase<"Mul1", 78, "mul1">, I32EnumAttrCase<"Fma", 79, "fma">,
  I32EnumAttrCase<"Div", 96, "div">,
  I32EnumAttrCase<"Min", 112, "min">, I32EnumAttrCase<"Max", 113, "max">,
  I32EnumAttrCase<"AbsMin", 114, "abs_min">, I32EnumAttrCase<"AbsMax", 115, "abs_max">,
  I32EnumAttrCase<"ClipAdd", 116, "clip_add">,
  I32EnumAttrCase<"ClipAddSat", 117, "clip_add_sat">]> {
  let cppNamespace = "::dure::tcp";
  let genSpecializedAttr = 0;
}

def Tcp_Arguments : I32EnumAttr<"Arguments", "what takes an op's places: the stream or the operand", [
  I32EnumAttrCase<"StreamOperand", 0, "stream_operand">,
  I32EnumAttrCase<"StreamStream", 1, "stream_stream">,
  I32EnumAttrCase<"OperandStream", 2, "operand_stream">]> {
  let cppNamespace = "::dure::tcp";
  let genSpecializedAttr = 0;
}

def Tcp_VectorOp : Tcp_StreamOp<"vector"> {
  let summary = "One step of the vector engine";
  let description = [{
    The other operand is an immediate (an i32, or the bits of an f32), a part of
    the vector register file, laid out by the axes that it shares with the
    stream, or what `stash` kept. With `zip` the two groups of a pair are joined;
    before that, `groups` says which a step is for: 1 the first, 2 the second,
    3 both. `fma` multiplies with that operand and adds the immediate after `plus`.
  }];
  let arguments = (ins Tcp_Stream:$source, Optional<Tcp_Vrf>:$operand,
                       EnumAttr<Tcp_Dialect, Tcp_VectorKind, "vector_kind">:$kind,
                       DefaultValuedAttr<EnumAttr<Tcp_Dialect, Tcp_Arguments, "arguments">,
                         "::dure::tcp::Arguments::StreamOperand">:$arguments,
                       OptionalAttr<AnyAttr>:$immediate, UnitAttr:$stash,
                       UnitAttr:$zip, OptionalAttr<AnyAttr>:$addend,
                       DefaultValuedAttr<I64Attr, "3">:$groups);
  let builders = [
    // All but fma.
    OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$source, "::mlir::Value":$operand,
                   "::dure::tcp::VectorKind":$kind, "::dure::tcp::Arguments":$arguments,
                   "::mlir::Attribute":$immediate, "bool":$stash, "bool":$zip,
                   CArg<"int64_t", "3">:$groups), [{
      build($_builder, $_state, result, source, operand, kind, arguments, immediate, stash, zip,
            ::mlir::Attribute(), groups);
    }]>];
  let assemblyFormat = [{
    `` $kind $source (`,` $operand^ `:` type($operand))? (`stash` $stash^)? (`zip` $zip^)?
    (`imm` `(` $immediate^ `)`)? (`plus` `(` $addend^ `)`)? (`as` `` $arguments^)?
    (`groups` $groups^)? attr-dict
    `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

def Tcp_StashOp : Tcp_StreamOp<"stash"> {
  let summary = "Keeps the stream for a later step, which reads it once";
  let arguments = (ins Tcp_Stream:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_Reduction : I32EnumAttr<"Reduction", "a reduction", [
  I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"AddSat", 1, "add_sat">,
  I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">]> {
  let cppNamespace = "::dure::tcp";
  let genSpecializedAttr = 0;
}

def Tcp_VectorReduceOp : Tcp_StreamOp<"vector_reduce"> {
  let summary = "Reduces an axis within a slice (intra-slice-reduce.md)";
  let description = [{
    Takes the digits of `axis` from time and packet. Coordinates of `limit` and
    beyond do not count (vcg.md); without it all do.
  }];
  let arguments = (ins Tcp_Stream:$source, EnumAttr<Tcp_Dialect, Tcp_Reduction, "reduction">:$kind,
                       StrAttr:$axis, OptionalAttr<I64Attr>:$limit);
  let assemblyFormat = [{
    `` $kind $source `over` $axis (`below` $limit^)? attr-dict `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

def Tcp_SliceReduceOp : Tcp_StreamOp<"slice_reduce"> {
  let summary = "Reduces over the innermost slices (inter-slice-reducer.md)";
  let description = [{
    `ratio` slices each give one result, for which the result's type has
    `_ : ratio` with `broadcast`, else `_ : 1 of ratio`.
  }];
  let arguments = (ins Tcp_Stream:$source, EnumAttr<Tcp_Dialect, Tcp_Reduction, "reduction">:$kind,
                       I64Attr:$ratio, UnitAttr:$broadcast);
  let assemblyFormat = [{
    `` $kind $source `ratio` $ratio (`broadcast` $broadcast^)? attr-dict
    `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// The way out
//===----------------------------------------------------------------------===//

def Tcp_CastOp : Tcp_StreamOp<"cast"> {
  let summary = "Narrows elements; a flit stays a flit (cast-engine.md)";
  let arguments = (ins Tcp_Stream:$source);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let hasVerifier = 1;
}

def Tcp_TransposeOp : Tcp_StreamOp<"transpose"> {
  let summary = "Swaps rows of time with what packets have (transpose-engine.md)";
  let description = [{
    The innermost `rows` x (`columns` / valid elements of a flit) flits are a
    matrix: rows, each of the elements of some flits. Its first columns leave as
    packets, padded to a flit; time has the digits of a row instead, of which
    padding at the end may be left out.
  }];
  let arguments = (ins Tcp_Stream:$source, I64Attr:$rows, I64Attr:$columns);
  let assemblyFormat = [{
    $source `rows` $rows `columns` $columns attr-dict `:` type($source) `to` type($result)
  }];
  let hasVerifier = 1;
}

def Tcp_CommitOp : Tcp_Op<"commit", [HasParent<"ExecOp">]> {
  let summary = "Writes flits to data memory (commit-engine.md, commit-adapter.md)";
  let description = [{
    Of each flit the elements that are no padding are written: 8, 16, 24 or 32
    bytes of them.
  }];
  let arguments = (ins Tcp_Stream:$source, Tcp_Dm:$target);
  let assemblyFormat = "$source `to` $target attr-dict `:` type($source) `to` type($target)";
  let hasVerifier = 1;
}

#endif // TCP_OPS_TD
