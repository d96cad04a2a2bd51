// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Greedy decoding with the entry `step` of a compiled decoder.
//
// Included by test programs that compare tokens with stored ones; each ends
// with a message when something fails. DURE_TEST_LIBRARIES says where the
// compiler is.
#ifndef DURE_TEST_MODELS_GREEDYDECODER_H
#define DURE_TEST_MODELS_GREEDYDECODER_H

#include "test/onnx/CompiledModel.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <dure/dure.h>
#include <string>
#include <vector>

namespace dure::greedytest {

[[noreturn]] inline void fail(const std::string &Message) {
  std::fprintf(stderr, "%s\n", Message.c_str());
  std::exit(1);
}

inline void check(dure_status *Status) {
  if (Status)
    fail(dure_status_message(Status));
}

inline void compile(const std::string &Model, const std::string &Path) {
  const dure_compiler_api *Compiler =
      modeltest::loadCompiler(DURE_TEST_LIBRARIES);
  if (!Compiler)
    std::exit(1);
  dure_compiler_model What = {};
  What.struct_size = sizeof(What);
  What.path = Model.c_str();
  dure_compiler_compile_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.model = &What;
  Request.output_path = Path.c_str();
  const dure_compiler_result *Result = Compiler->compile(&Request);
  if (!Result || Result->status != DURE_COMPILER_OK)
    fail(Result ? Result->message : "no result");
  Compiler->release(Result);
}

/// One sequence, decoded token by token on a state.
class Decoder {
public:
  Decoder(dure_session *Session, int64_t Capacity) {
    check(dure_call_create(Session, "step", &Call));
    dure_state_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.batch = 1;
    Options.capacity = Capacity;
    check(dure_state_create(Session, "step", &Options, &State));
    check(dure_call_bind_state(Call, State));
  }
  ~Decoder() {
    dure_call_destroy(Call);
    dure_state_destroy(State);
  }
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  /// Appends Tokens to the sequence; the token that it takes to be the next.
  int64_t step(std::vector<int64_t> Tokens) {
    std::vector<int64_t> Positions(Tokens.size());
    for (int64_t &Position : Positions)
      Position = Length++;
    std::vector<int64_t> Mask(static_cast<size_t>(Length), 1);
    bind("input_ids", Tokens);
    bind("attention_mask", Mask);
    bind("position_ids", Positions);
    check(dure_call_run(Call, nullptr));
    dure_tensor Logits = {};
    Logits.struct_size = sizeof(Logits);
    check(dure_call_get_output(Call, 0, &Logits));
    if (Logits.type != DURE_TYPE_F32 || Logits.rank != 3 ||
        Logits.dims[1] != static_cast<int64_t>(Tokens.size()))
      fail("the output is not logits in f32");
    const int64_t Vocabulary = Logits.dims[2];
    const float *Last = static_cast<const float *>(Logits.data) +
                        (Logits.dims[1] - 1) * Vocabulary;
    return std::max_element(Last, Last + Vocabulary) - Last;
  }

private:
  void bind(const char *Name, std::vector<int64_t> &Values) {
    const int64_t Dims[] = {1, static_cast<int64_t>(Values.size())};
    dure_tensor Tensor = {};
    Tensor.struct_size = sizeof(Tensor);
    Tensor.type = DURE_TYPE_I64;
    Tensor.rank = 2;
    Tensor.dims = Dims;
    Tensor.data = Values.data();
    Tensor.size = Values.size() * sizeof(int64_t);
    check(dure_call_bind_input_by_name(Call, Name, &Tensor));
  }

  dure_call *Call = nullptr;
  dure_state *State = nullptr;
  int64_t Length = 0;
};

} // namespace dure::greedytest

#endif // DURE_TEST_MODELS_GREEDYDECODER_H
