// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors of the C API, made of tokens and read as floats.
//
// Internal to runtime/llm.
#ifndef DURE_RUNTIME_LLM_TENSORS_H
#define DURE_RUNTIME_LLM_TENSORS_H

#include "runtime/base/Status.h"
#include "runtime/llm/Ports.h"

#include <dure/dure.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dure {

/// Both stay the caller's.
dure_tensor lendTensor(int32_t Type, const std::vector<int64_t> &Dims,
                       std::vector<std::byte> &Bytes);

/// Elements of f32, f16 or bf16 from `From` on, as many as `To` has.
void toFloats(const void *From, int32_t Type, std::span<float> To);

/// Binds all inputs of integers for one row of `New` tokens behind `Past`
/// others. `Bound` gets what they are bound to and must outlive the run.
/// Without KeepAll the model is told to give logits of the last position only,
/// where it can be told.
Status bindTokens(dure_call *Call, std::span<const IntegerInput> Inputs,
                  std::span<const int64_t> New, size_t Past, bool KeepAll,
                  std::vector<std::vector<std::byte>> &Bound);

} // namespace dure

#endif // DURE_RUNTIME_LLM_TENSORS_H
