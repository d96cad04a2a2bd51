// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Blocks as operands of MatMulNBits and GatherBlockQuantized.

#include "frontends/checkpoint/FewBits.h"

#include "frontends/checkpoint/GgufBlocks.h"

#include <algorithm>

namespace dure::checkpoint {
namespace {

/// MatMulNBits' accuracy_level of products in f32: weights alone are rounded.
constexpr int64_t InFloat32 = 1;
/// Bytes of zeros that are handed on at a time.
constexpr size_t PieceBytes = size_t(1) << 20;

/// A matrix of (Out, In) as the operators take it.
struct Packed {
  int64_t Out, In, Bits, BlockSize, Blocks;
  /// [Out, blocks, bytes of a block], u8.
  Value Integers;
  /// [Out, blocks].
  Value Scales;
  /// The middle of the range where there are none.
  Value ZeroPoints;
  /// [Out, blocks]; where the form has them.
  Value Offsets;
};

/// Signed integers become unsigned ones, with a zero point in the middle, when
/// their sign bits are turned; two of 4 bits share a byte.
Tensor unsignedIntegers(const Tensor &From, std::vector<int64_t> Shape) {
  Tensor T = From;
  T.Type = DataType::UInt8;
  T.Shape = std::move(Shape);
  std::byte Turned{};
  if (From.Type == DataType::Int4)
    Turned = std::byte(0x88);
  else if (From.Type == DataType::Int8)
    Turned = std::byte(0x80);
  T.Convert = [Make = From.Convert, Turned](std::span<const std::byte> Stored,
                                            const ByteSink &Sink) {
    std::vector<std::byte> Bytes;
    return Make(Stored, [&](std::span<const std::byte> Piece) {
      Bytes.assign(Piece.begin(), Piece.end());
      for (std::byte &Each : Bytes)
        Each ^= Turned;
      return Sink(Bytes);
    });
  };
  return T;
}

/// Parameters in f32, which the operators have in the type of what they are
/// multiplied with.
Tensor inFloats(const Tensor &From) {
  Tensor T = From;
  if (From.Type != DataType::Float16)
    return T;
  T.Type = DataType::Float;
  T.Convert = [Make = From.Convert](std::span<const std::byte> Stored,
                                    const ByteSink &Sink) {
    std::vector<float> Floats;
    return Make(Stored, [&](std::span<const std::byte> Piece) {
      Floats.clear();
      for (size_t I = 0; I + 1 < Piece.size(); I += 2)
        Floats.push_back(floatOfHalf(
            uint16_t(uint16_t(Piece[I]) | uint16_t(Piece[I + 1]) << 8)));
      return Sink(std::as_bytes(std::span(Floats)));
    });
  };
  return T;
}

Tensor zeros(std::vector<int64_t> Shape) {
  Tensor T;
  T.Type = DataType::UInt8;
  T.Shape = std::move(Shape);
  T.Convert = [Count = T.bytes()](std::span<const std::byte>,
                                  const ByteSink &Sink) {
    const std::vector<std::byte> Piece(std::min<uint64_t>(Count, PieceBytes));
    for (uint64_t At = 0; At < Count; At += Piece.size())
      DURE_RETURN_IF_ERROR(Sink(std::span(Piece).first(
          size_t(std::min<uint64_t>(Piece.size(), Count - At)))));
    return Status::success();
  };
  return T;
}

Packed pack(Weights &W, const std::string &Name, const Tensor &T) {
  const BlockedTensor &B = *T.Blocks;
  Packed P;
  P.Out = T.Shape[0];
  P.In = T.Shape[1];
  P.Bits = int64_t(onnx::bitWidth(B.Integers->Type));
  P.BlockSize = B.BlockSize;
  P.Blocks = P.In / P.BlockSize;
  P.Integers = W.make(Name + ".integers", [&] {
    return unsignedIntegers(*B.Integers,
                            {P.Out, P.Blocks, P.BlockSize * P.Bits / 8});
  });
  P.Scales = W.make(Name + ".scales", [&] { return inFloats(*B.Scales); });
  const bool IsSigned =
      B.Integers->Type == DataType::Int4 || B.Integers->Type == DataType::Int8;
  if (!IsSigned)
    P.ZeroPoints = W.make(Name + ".zeros", [&] {
      return zeros({P.Out, (P.Blocks * P.Bits + 7) / 8});
    });
  if (B.Offsets)
    P.Offsets = W.make(Name + ".offsets", [&] { return inFloats(*B.Offsets); });
  return P;
}

/// [..., blocks * size] as [..., blocks, size].
Value inBlocks(GraphBuilder &G, const Value &X, const Packed &P) {
  const Value Outer = G.node("Shape", {X}, {{"end", int64_t(-1)}});
  return G.node("Reshape",
                {X, G.concat({Outer, G.list({P.Blocks, P.BlockSize})}, 0)});
}

} // namespace

Value fewBitsProduct(GraphBuilder &G, Weights &W, const Value &X,
                     const std::string &Name, const Tensor &T) {
  const Packed P = pack(W, Name, T);
  std::vector<Value> Operands = {X, P.Integers, P.Scales};
  if (P.ZeroPoints)
    Operands.push_back(P.ZeroPoints);
  const Value Y = G.microsoft("MatMulNBits", Operands,
                              {{"K", P.In},
                               {"N", P.Out},
                               {"accuracy_level", InFloat32},
                               {"bits", P.Bits},
                               {"block_size", P.BlockSize}});
  if (!P.Offsets)
    return Y;
  const Value Sums = G.node("ReduceSum", {inBlocks(G, X, P), G.list({-1})},
                            {{"keepdims", int64_t(0)}});
  return G.add(Y, G.matmul(Sums, G.transpose(P.Offsets, {1, 0})));
}

Value fewBitsRows(GraphBuilder &G, Weights &W, const Value &Ids,
                  const std::string &Name, const Tensor &T) {
  const Packed P = pack(W, Name, T);
  std::vector<Value> Operands = {
      G.reshape(P.Integers, {P.Out, P.In * P.Bits / 8}), Ids, P.Scales};
  if (P.ZeroPoints)
    Operands.push_back(P.ZeroPoints);
  const Value Rows = G.microsoft("GatherBlockQuantized", Operands,
                                 {{"bits", P.Bits},
                                  {"block_size", P.BlockSize},
                                  {"gather_axis", int64_t(0)},
                                  {"quantize_axis", int64_t(1)}});
  if (!P.Offsets)
    return Rows;
  const Value Offsets = G.unsqueeze(G.node("Gather", {P.Offsets, Ids}), {-1});
  return G.reshape(G.add(inBlocks(G, Rows, P), Offsets), {0, 0, P.In});
}

} // namespace dure::checkpoint
