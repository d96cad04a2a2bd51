// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that damaged packages are refused or change nothing.

#include "runtime/base/Hash.h"
#include "runtime/package/Container.h"
#include "test/unit/runtime/TestPackages.h"

#include <cstring>
#include <random>

using namespace dure;
using namespace dure::test;

namespace {

/// Loads and runs BYTES as the encoder. False if refused anywhere.
bool runs(const std::string &Bytes, std::vector<float> &Out) {
  Loaded Made;
  Made.Bytes = Bytes;
  if (!Made.load().ok() || !Made.open().ok())
    return false;
  dure_call *Opened = nullptr;
  if (!Outcome(dure_call_create(Made.Session.get(), "main", &Opened)).ok())
    return false;
  Owned<dure_call> Call(Opened);
  Tensor<int64_t> Ids{{1, 3}, {1, 4, 6}}, Mask{{1, 3}, {1, 1, 0}};
  dure_run_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.fuel = 100000;
  Options.memory_limit = 1 << 20;
  if (!bind(Call.get(), 0, Ids).ok() || !bind(Call.get(), 1, Mask).ok() ||
      !Outcome(dure_call_run(Call.get(), &Options)).ok())
    return false;
  Out = floatOutput(Call.get(), 1).Values;
  return true;
}

/// Makes header and metadata hash right again, as an attacker would.
void repair(std::string &Bytes) {
  uint64_t Offset = 0, Size = 0;
  std::memcpy(&Offset, Bytes.data() + 56, 8);
  std::memcpy(&Size, Bytes.data() + 64, 8);
  Sha256 Hash;
  ASSERT_TRUE(
      sha256(std::as_bytes(std::span(Bytes)).subspan(Offset, Size), Hash).ok());
  std::memcpy(Bytes.data() + 72, Hash.data(), Hash.size());
}

/// Damages several bytes of the metadata of GOOD, many times, and opens what is
/// accepted.
void damageAtRandom(const std::string &Good, const dure_load_options *Options) {
  uint64_t Begin = 0;
  std::memcpy(&Begin, Good.data() + 56, 8);
  std::mt19937 Random(1);
  for (int Round = 0; Round != 3000; ++Round) {
    std::string Bad = Good;
    for (unsigned I = 0, N = 1 + Random() % 8; I != N; ++I)
      Bad[Begin + Random() % (Bad.size() - Begin)] =
          static_cast<char>(Random());
    repair(Bad);
    Loaded Made;
    Made.Bytes = std::move(Bad);
    if (Made.load(Options).ok())
      (void)Made.open();
  }
}

} // namespace

// Tests that each byte, inverted, is noticed or does not matter.
TEST(Damage, EveryByteInverted) {
  Result<std::string> Good = writePackageToMemory(encoderPackage());
  ASSERT_TRUE(Good.ok());
  std::vector<float> Expected, Got;
  ASSERT_TRUE(runs(*Good, Expected));
  size_t Accepted = 0;
  for (size_t I = 0; I != Good->size(); ++I) {
    std::string Bad = *Good;
    Bad[I] = static_cast<char>(~Bad[I]);
    if (!runs(Bad, Got))
      continue;
    ++Accepted;
    ASSERT_EQ(Got, Expected) << "byte " << I;
  }
  // Only padding between the parts is not covered by a hash.
  EXPECT_LT(Accepted, 3 * PackageAlignment);
}

// Tests that a package cut anywhere is refused.
TEST(Damage, EveryLengthCut) {
  Result<std::string> Good = writePackageToMemory(encoderPackage());
  ASSERT_TRUE(Good.ok());
  std::vector<float> Got;
  for (size_t Size = 0; Size < Good->size(); Size += Size < 200 ? 1 : 37)
    EXPECT_FALSE(runs(Good->substr(0, Size), Got)) << Size;
}

// Tests that damaged metadata under a right hash never does harm: whatever is
// accepted runs to an end. Results may differ, for it is another program.
TEST(Damage, MetadataUnderARightHash) {
  Result<std::string> Good = writePackageToMemory(encoderPackage());
  ASSERT_TRUE(Good.ok());
  uint64_t Begin = 0;
  std::memcpy(&Begin, Good->data() + 56, 8);
  std::vector<float> Got;
  for (size_t I = Begin; I != Good->size(); ++I)
    for (unsigned char Mask : {0xff, 0x01, 0x80}) {
      std::string Bad = *Good;
      Bad[I] = static_cast<char>(Bad[I] ^ Mask);
      repair(Bad);
      // The kernels of the fake driver trust their constants as native code
      // does, so load and verify only.
      Loaded Made;
      Made.Bytes = std::move(Bad);
      if (Made.load().ok())
        (void)Made.open();
    }
}

// Tests random damage of several bytes likewise.
TEST(Damage, RandomBytesUnderARightHash) {
  Result<std::string> Good = writePackageToMemory(stepPackage());
  ASSERT_TRUE(Good.ok());
  damageAtRandom(*Good, nullptr);
}

// Tests the same where weights stay in the model's file and their recipes have
// operands.
TEST(Damage, RecipesUnderARightHash) {
  TemporaryFolder T;
  std::string Values(21 * 4 + 7 * 4, '\1');
  T.write("model.bin", Values);
  Package P = encoderPackage();
  P.Files = {{"model.bin", Values.size()}};
  P.Variants[0].PackKey = "";
  P.Weights.clear();
  auto Add = [&](uint64_t Offset, std::vector<int64_t> Stored,
                 std::vector<Step> Steps, std::vector<int64_t> Shape) {
    Weight W = inlineWeight("w" + std::to_string(P.Weights.size()), {}, Stored,
                            std::move(Steps), std::move(Shape));
    W.Source = WeightSource::File;
    W.File = 0;
    W.Offset = Offset;
    uint64_t Count = 0;
    ASSERT_TRUE(elementCount(Stored, Count));
    W.Size = Count * 4;
    W.Inline.reset();
    P.Weights.push_back(W);
  };
  Add(84, {7}, {}, {});
  Add(0, {3, 7},
      {Step::transpose({1, 0}), Step::arithBlocked(StepKind::Multiply, 0, 0, 1),
       Step::slice({0, 0}, {7, 3}, {1, 1})},
      {7, 3});
  Add(0, {7, 3},
      {Step::arith(StepKind::Subtract, 1), Step::concat(1, 1),
       Step::reshape({2, 3, 7}), Step::pad({0, 0, 0}, {0, 0, 1}, 0),
       Step::packPanels(4)},
      {2, 2, 3, 4});
  P.Variants[0].Weights = {0, 1, 2};
  PackageWriteOptions Options;
  Options.ModelFolder = T.folder();
  Options.EmbedWeights = false;
  Result<std::string> Good = writePackageToMemory(P, Options);
  ASSERT_TRUE(Good.ok()) << Good.status().message();
  dure_load_options Load = {};
  Load.struct_size = sizeof(Load);
  Load.verify = DURE_VERIFY_FULL;
  Load.trust_code = 1;
  std::string Folder = T.folder();
  Load.model_folder = Folder.c_str();
  Loaded Made;
  Made.Bytes = *Good;
  ASSERT_OK(Made.load(&Load));
  ASSERT_OK(Made.open());
  // Damaged weights differ from their hashes: look at what comes behind them.
  Load.verify = DURE_VERIFY_STRUCTURE;
  damageAtRandom(*Good, &Load);
  Load.verify = DURE_VERIFY_FULL;
  damageAtRandom(*Good, &Load);
}
