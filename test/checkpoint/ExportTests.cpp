// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tiny checkpoints of every family, exported, compiled and run: `main` gives
// what transformers gives, and `step` what `main` gives.
#include "test/checkpoint/ExportFixture.h"

using namespace dure;
using namespace dure::exporttest;
using namespace dure::steptest;

namespace {

/// Sequences of two rows, the second one padded on the left, that are fed in
/// pieces.
class ExportedDecoder : public Exported {
protected:
  static constexpr int64_t Vocabulary = 128, Padding = 9;

  static io::Tensor integers(const char *Name, std::vector<int64_t> Values) {
    io::Tensor T;
    T.Name = Name;
    T.Type = io::ElementType::Int64;
    T.Dims = {2, static_cast<int64_t>(Values.size()) / 2};
    const auto Bytes = std::as_bytes(std::span(Values));
    T.Bytes.assign(Bytes.begin(), Bytes.end());
    return T;
  }

  /// The inputs of a call that feeds positions [First, End).
  static std::vector<io::Tensor> inputs(int64_t First, int64_t End) {
    std::vector<int64_t> Ids, Mask, Positions;
    for (int64_t Pad : {int64_t(0), Padding}) {
      for (int64_t I = First; I != End; ++I) {
        Ids.push_back((I * I * 7 + I * 13 + Pad * 5) % Vocabulary);
        Positions.push_back(std::max<int64_t>(I - Pad, 0));
      }
      for (int64_t I = 0; I != End; ++I)
        Mask.push_back(I >= Pad);
    }
    return {integers("input_ids", Ids), integers("attention_mask", Mask),
            integers("position_ids", Positions)};
  }

  std::vector<float> logitsOf(dure_call *Of) {
    dure_tensor Got = {};
    Got.struct_size = sizeof(Got);
    EXPECT_EQ(take(dure_call_get_output(Of, 0, &Got)), "");
    const auto *Values = static_cast<const float *>(Got.data);
    return {Values, Values + Got.size / sizeof(float)};
  }

  /// All of it by `main` at once, which keeps nothing.
  std::vector<float> expected(int64_t Count) {
    dure_call *Created = nullptr;
    EXPECT_EQ(take(dure_call_create(Session.get(), "main", &Created)), "");
    CallPointer Main(Created);
    std::vector<io::Tensor> Inputs = inputs(0, Count);
    for (size_t I = 0; I != States.size(); ++I) {
      io::Tensor Past;
      Past.Name = States[I];
      Past.Type = io::ElementType::Float32;
      Past.Dims = readState(I).Dims;
      Past.Dims[2] = 0;
      Inputs.push_back(Past);
    }
    EXPECT_EQ(bindInputs(Main.get(), Inputs), "");
    EXPECT_EQ(take(dure_call_run(Main.get(), nullptr)), "");
    return logitsOf(Main.get());
  }

  void expectPieces(int64_t Count, std::initializer_list<int64_t> Pieces) {
    createState(2, Count);
    const std::vector<float> Want = expected(Count);
    ASSERT_EQ(Want.size(), static_cast<size_t>(2 * Count * Vocabulary));
    for (const int64_t Piece : Pieces) {
      SCOPED_TRACE(Piece);
      createState(2, Count);
      for (int64_t First = 0; First < Count; First += Piece) {
        const int64_t End = std::min(First + Piece, Count);
        const std::vector<io::Tensor> Inputs = inputs(First, End);
        ASSERT_EQ(bindInputs(Call.get(), Inputs), "");
        ASSERT_DURE_OK(dure_call_run(Call.get(), nullptr));
        const std::vector<float> Got = logitsOf(Call.get());
        ASSERT_EQ(Got.size(), static_cast<size_t>(2 * (End - First)) * 128);
        for (int64_t Row = 0; Row != 2; ++Row)
          for (int64_t I = std::max(First, Row * Padding); I < End; ++I)
            for (int64_t T = 0; T != Vocabulary; ++T)
              ASSERT_NEAR(
                  Got[static_cast<size_t>(
                      (Row * (End - First) + I - First) * Vocabulary + T)],
                  Want[static_cast<size_t>((Row * Count + I) * Vocabulary + T)],
                  1e-4)
                  << "row " << Row << ", position " << I << ", token " << T;
      }
    }
  }
};

class ExportedModel : public Exported {};
/// Of models with windows.
class ExportedWindows : public ExportedDecoder {};
/// Of models that cache latents.
class ExportedLatents : public ExportedDecoder {};

} // namespace

// Tests that prefill, steps and padded batches give what transformers gives.
TEST_P(ExportedModel, GivesWhatTransformersGives) {
  expectReferences({}, /*ExactShapes=*/false,
                   [](const auto &, const auto &) { return true; });
}

// Tests that the caches become state, and that calls in a row on it give what
// `main` gives.
TEST_P(ExportedDecoder, StepAgreesWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  ASSERT_EQ(Outputs, std::vector<std::string>{"logits"});
  EXPECT_TRUE(HasPrefill);
  ASSERT_NO_FATAL_FAILURE(readSets());
  std::vector<std::vector<std::string>> Sequences = {
      {"prefill", "decode-1", "decode-2", "decode-3", "decode-4"},
      {"prefill-other-shape"},
      {"left-padding", "left-padding-decode"}};
  for (const auto &[Name, S] : Sets)
    if (Name.starts_with("window-") && S.Past)
      Sequences.push_back({Name.substr(0, Name.rfind('-')), Name});
  for (const std::vector<std::string> &Sequence : Sequences) {
    const Set &Last = Sets.at(Sequence.back());
    createState(Last.Batch, Last.Past + Last.Length + 9);
    for (const std::string &Name : Sequence)
      ASSERT_NO_FATAL_FAILURE(expectStep(Name));
  }
  const Set &Chunk = Sets.at("chunk");
  createState(Chunk.Batch, Chunk.Past + Chunk.Length);
  ASSERT_NO_FATAL_FAILURE(writePasts(Chunk));
  ASSERT_NO_FATAL_FAILURE(expectStep("chunk"));
  // Prompts longer than a piece of them, with padding that ends within one.
  expectPieces(23, {4});
}

// Tests that layers with a window keep what it can reach, and that sequences
// far longer than that give, fed in pieces of any size, what `main` gives.
TEST_P(ExportedWindows, LongSequencesAgreeWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  createState(2, 150);
  size_t Windows = 0;
  for (size_t I = 0; I != States.size(); ++I)
    Windows += readState(I).Dims[2] == 3;
  EXPECT_GT(Windows, 0u);
  EXPECT_LT(Windows, States.size());
  expectPieces(150, {1, 2, 3, 7, 64});
}

// Tests that a step, which reads the latents, gives over many blocks of them
// what `main` gives, which makes keys and values of them.
TEST_P(ExportedLatents, LongSequencesAgreeWithMain) {
  ASSERT_NO_FATAL_FAILURE(compile());
  createState(2, 300);
  expectPieces(300, {1, 5, 100});
}

// Each family's folder name, at either opset.
#define BOTH(FAMILY) FAMILY "-20", FAMILY "-23"
static const char *const Decoders[] = {
    BOTH("llama"),       BOTH("qwen2"),           BOTH("qwen3"),
    BOTH("exaone3"),     BOTH("exaone4"),         BOTH("exaone4-global"),
    BOTH("hyperclovax"), BOTH("granite"),         BOTH("gemma3"),
    BOTH("exaone-moe"),  BOTH("solar-open"),      BOTH("axk1"),
    BOTH("deepseek-v3"), BOTH("qwen3-moe"),       BOTH("glm4-moe"),
    BOTH("deepseek-v2"), BOTH("deepseek-v2-lite")};
static const char *const Encoders[] = {BOTH("bert"), BOTH("xlm-roberta")};

// In few bits where the opset has them, as floats where it has not.
static const char *const Quantized[] = {
    BOTH("llama-gguf"),           BOTH("qwen2-gguf"),
    BOTH("qwen3-gguf"),           BOTH("granite-gguf"),
    BOTH("exaone4-gguf"),         BOTH("exaone4-global-gguf"),
    BOTH("gemma3-gguf"),          BOTH("bert-gguf"),
    BOTH("exaone-moe-gguf"),      BOTH("qwen3-moe-gguf"),
    BOTH("solar-open-gguf"),      BOTH("deepseek-v3-gguf"),
    BOTH("glm4-moe-gguf"),        BOTH("deepseek-v2-gguf"),
    BOTH("deepseek-v2-lite-gguf")};

INSTANTIATE_TEST_SUITE_P(Decoders, ExportedModel, testing::ValuesIn(Decoders),
                         testName);
INSTANTIATE_TEST_SUITE_P(Quantized, ExportedModel, testing::ValuesIn(Quantized),
                         testName);
INSTANTIATE_TEST_SUITE_P(Encoders, ExportedModel, testing::ValuesIn(Encoders),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, ExportedWindows,
                         testing::Values("gemma3-20", "gemma3-23", "exaone4-20",
                                         "exaone4-23", "exaone-moe-23"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, ExportedLatents,
                         testing::Values("axk1-20", "axk1-23",
                                         "deepseek-v3-23"),
                         testName);
INSTANTIATE_TEST_SUITE_P(Decoders, ExportedDecoder, testing::ValuesIn(Decoders),
                         testName);
