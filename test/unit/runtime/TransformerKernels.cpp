// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plain kernels of transformers. Shapes are row-major f32 unless said
// otherwise.

#include "test/unit/runtime/TransformerKernels.h"

#include <algorithm>
#include <cmath>
#include <vector>

using namespace dure::test;

namespace {

using Bindings = void *const *;
using Constants = const int64_t *;

float *f32(void *Pointer) { return static_cast<float *>(Pointer); }
const int64_t *i64(void *Pointer) {
  return static_cast<const int64_t *>(Pointer);
}

/// out[i] = table[ids[i]]: ids [n] i64, table [v, h], out [n, h]; n, h.
void lookup(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I)
    std::copy_n(f32(B[1]) + i64(B[0])[I] * C[1], C[1], f32(B[2]) + I * C[1]);
}

/// y = f(x w): x [m, k], w [k, n], y [m, n]; m, k, n, and 1 for f = GELU.
void linear(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I)
    for (int64_t J = 0; J != C[2]; ++J) {
      float Sum = 0;
      for (int64_t K = 0; K != C[1]; ++K)
        Sum += f32(B[0])[I * C[1] + K] * f32(B[1])[K * C[2] + J];
      if (C[3])
        Sum = Sum / 2 * (1 + std::erf(Sum / std::sqrt(2.0f)));
      f32(B[2])[I * C[2] + J] = Sum;
    }
}

/// y = x t^T: x [m, k], t [n, k], y [m, n]; m, k, n.
void linearTransposed(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I)
    for (int64_t J = 0; J != C[2]; ++J) {
      float Sum = 0;
      for (int64_t K = 0; K != C[1]; ++K)
        Sum += f32(B[0])[I * C[1] + K] * f32(B[1])[J * C[1] + K];
      f32(B[2])[I * C[2] + J] = Sum;
    }
}

/// x = layer_norm(x + r) gain + bias: x, r [m, n], gain, bias [n]; m, n.
void addLayerNorm(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I) {
    float *X = f32(B[0]) + I * C[1], *R = f32(B[1]) + I * C[1];
    float Mean = 0, Square = 0;
    for (int64_t J = 0; J != C[1]; ++J)
      Mean += (X[J] += R[J]) / static_cast<float>(C[1]);
    for (int64_t J = 0; J != C[1]; ++J)
      Square += (X[J] - Mean) * (X[J] - Mean) / static_cast<float>(C[1]);
    for (int64_t J = 0; J != C[1]; ++J)
      X[J] = (X[J] - Mean) / std::sqrt(Square + 1e-5f) * f32(B[2])[J] +
             f32(B[3])[J];
  }
}

/// y = x / rms(x) gain: x, y [m, n], gain [n]; m, n.
void rmsNorm(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I) {
    const float *X = f32(B[0]) + I * C[1];
    float Square = 0;
    for (int64_t J = 0; J != C[1]; ++J)
      Square += X[J] * X[J] / static_cast<float>(C[1]);
    for (int64_t J = 0; J != C[1]; ++J)
      f32(B[2])[I * C[1] + J] = X[J] / std::sqrt(Square + 1e-5f) * f32(B[1])[J];
  }
}

/// x += r: n elements.
void accumulate(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I)
    f32(B[0])[I] += f32(B[1])[I];
}

/// out = silu(gate) up: gate and up are the halves of rows [m, 2 i]; m, i.
void swiglu(Bindings B, Constants C) {
  for (int64_t I = 0; I != C[0]; ++I)
    for (int64_t J = 0; J != C[1]; ++J) {
      float Gate = f32(B[0])[I * 2 * C[1] + J];
      float Up = f32(B[0])[I * 2 * C[1] + C[1] + J];
      f32(B[1])[I * C[1] + J] = Gate / (1 + std::exp(-Gate)) * Up;
    }
}

/// One row: weights of KEYS rows, STRIDE apart, seen where Sees(s); OUT [d].
template <typename Function>
void attendRow(const float *Query, const float *Key, const float *Value,
               int64_t Keys, int64_t Stride, int64_t Dim, float *Out,
               Function Sees) {
  std::vector<float> Weights(Keys, 0);
  float Sum = 0;
  for (int64_t S = 0; S != Keys; ++S) {
    if (!Sees(S))
      continue;
    float Score = 0;
    for (int64_t I = 0; I != Dim; ++I)
      Score += Query[I] * Key[S * Stride + I];
    Weights[S] = std::exp(Score / std::sqrt(static_cast<float>(Dim)));
    Sum += Weights[S];
  }
  for (int64_t I = 0; I != Dim; ++I) {
    Out[I] = 0;
    for (int64_t S = 0; S != Keys; ++S)
      if (Weights[S] != 0)
        Out[I] += Weights[S] / Sum * Value[S * Stride + I];
  }
}

/// Encoder: qkv [b, s, 3, h, d], mask [b, s] i64, out [b, s, h, d]; b, s, h, d.
void maskedAttention(Bindings B, Constants C) {
  int64_t S = C[1], H = C[2], D = C[3], Row = 3 * H * D;
  for (int64_t I = 0; I != C[0]; ++I)
    for (int64_t T = 0; T != S; ++T)
      for (int64_t Head = 0; Head != H; ++Head) {
        const float *Rows = f32(B[0]) + I * S * Row + Head * D;
        attendRow(Rows + T * Row, Rows + H * D, Rows + 2 * H * D, S, Row, D,
                  f32(B[2]) + ((I * S + T) * H + Head) * D,
                  [&](int64_t K) { return i64(B[1])[I * S + K] != 0; });
      }
}

/// Rotates pairs (i, i + d/2) by the position times 100^(-2i/d).
void rotate(const float *X, int64_t Position, int64_t D, float *Y) {
  for (int64_t I = 0; I != D / 2; ++I) {
    float Angle =
        static_cast<float>(Position) *
        std::pow(100.0f, -2.0f * static_cast<float>(I) / static_cast<float>(D));
    float A = X[I], Z = X[I + D / 2];
    Y[I] = A * std::cos(Angle) - Z * std::sin(Angle);
    Y[I + D / 2] = Z * std::cos(Angle) + A * std::sin(Angle);
  }
}

/// Splits qkv [b, s, h + 2 g, d]: queries, rotated, to q [b, s, h, d]; keys,
/// rotated, and values behind the first lengths[b] rows of the caches
/// [b, g, cap, d]. Bindings qkv, lengths, q, keys, values; b, s, h, g, d, cap.
void rotateAppend(Bindings B, Constants C) {
  int64_t S = C[1], H = C[2], G = C[3], D = C[4], Capacity = C[5];
  for (int64_t I = 0; I != C[0]; ++I)
    for (int64_t T = 0; T != S; ++T) {
      int64_t At = i64(B[1])[I] + T;
      const float *Row = f32(B[0]) + (I * S + T) * (H + 2 * G) * D;
      for (int64_t Head = 0; Head != H; ++Head)
        rotate(Row + Head * D, At, D, f32(B[2]) + ((I * S + T) * H + Head) * D);
      for (int64_t Head = 0; Head != G; ++Head) {
        int64_t To = ((I * G + Head) * Capacity + At) * D;
        rotate(Row + (H + Head) * D, At, D, f32(B[3]) + To);
        std::copy_n(Row + (H + G + Head) * D, D, f32(B[4]) + To);
      }
    }
}

/// q [b, s, h, d] against caches [b, g, cap, d], causal: row t sees keys up to
/// lengths[b] + t. Bindings q, keys, values, lengths, out; b, s, h, g, d, cap.
void cachedAttention(Bindings B, Constants C) {
  int64_t S = C[1], H = C[2], G = C[3], D = C[4], Capacity = C[5];
  for (int64_t I = 0; I != C[0]; ++I)
    for (int64_t T = 0; T != S; ++T)
      for (int64_t Head = 0; Head != H; ++Head) {
        int64_t From = (I * G + Head / (H / G)) * Capacity * D;
        int64_t Row = ((I * S + T) * H + Head) * D;
        attendRow(f32(B[0]) + Row, f32(B[1]) + From, f32(B[2]) + From,
                  i64(B[3])[I] + T + 1, D, D, f32(B[4]) + Row,
                  [](int64_t) { return true; });
      }
}

/// A layer for ROWS rows and no others: y = x + attention(x, x, x), seen where
/// mask is not 0. x, y [ROWS, StaticLayerWidth], mask [ROWS] i64.
template <int64_t Rows> void staticLayer(Bindings B, Constants) {
  constexpr int64_t Width = StaticLayerWidth;
  const float *X = f32(B[0]);
  for (int64_t T = 0; T != Rows; ++T) {
    float *Y = f32(B[2]) + T * Width;
    attendRow(X + T * Width, X, X, Rows, Width, Width, Y,
              [&](int64_t S) { return i64(B[1])[S] != 0; });
    for (int64_t I = 0; I != Width; ++I)
      Y[I] += X[T * Width + I];
  }
}

constexpr TransformerKernel Kernels[] = {
    {"lookup", 3, 2, lookup},
    {"linear", 3, 4, linear},
    {"linear_transposed", 3, 3, linearTransposed},
    {"add_layer_norm", 4, 2, addLayerNorm},
    {"rms_norm", 3, 2, rmsNorm},
    {"accumulate", 2, 1, accumulate},
    {"swiglu", 2, 2, swiglu},
    {"masked_attention", 3, 4, maskedAttention},
    {"rotate_append", 5, 6, rotateAppend},
    {"cached_attention", 5, 6, cachedAttention},
    {"static_layer_4", 3, 0, staticLayer<4>},
    {"static_layer_8", 3, 0, staticLayer<8>},
    {"static_layer_16", 3, 0, staticLayer<16>},
};

} // namespace

std::span<const TransformerKernel> dure::test::transformerKernels() {
  return Kernels;
}
