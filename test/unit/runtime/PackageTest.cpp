// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of writing and reading packages.

#include "runtime/host/LoadedPackage.h"
#include "runtime/package/Reader.h"
#include "test/unit/runtime/TestPackages.h"

#include <filesystem>
#include <sys/stat.h>

using namespace dure;
using namespace dure::test;

namespace {

std::span<const std::byte> bytesOf(const std::string &Text) {
  return std::as_bytes(std::span(Text));
}

/// The encoder with its table in a model file, f16, behind 8 other bytes.
Package fileEncoder(const TemporaryFolder &T) {
  Package P = encoderPackage();
  std::string Table(8, 'x');
  for (int I = 0; I != 21; ++I) {
    // Halves of the integers -5..5, by their bits.
    static constexpr uint16_t Halves[] = {0xc500, 0xc400, 0xc200, 0xc000,
                                          0xbc00, 0x0000, 0x3c00, 0x4000,
                                          0x4200, 0x4400, 0x4500};
    uint16_t Half = Halves[I % 11];
    Table.append(reinterpret_cast<const char *>(&Half), 2);
  }
  T.write("model.bin", Table);
  P.Files = {{"model.bin", Table.size()}};
  Weight &W = P.Weights[0];
  W.Source = WeightSource::File;
  W.File = 0;
  W.Offset = 8;
  W.Size = 42;
  W.StoredType = ElementType::F16;
  W.Inline.reset();
  W.Steps = {Step::cast(ElementType::F32)};
  return P;
}

/// Loads PATH, runs it on three tokens, returns the pooled output.
std::vector<float> pooled(const std::string &Path, Outcome *Failure = nullptr) {
  dure_load_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.verify = DURE_VERIFY_FULL;
  Loaded Made;
  dure_package *Opened = nullptr;
  Outcome Done = dure_package_load(Path.c_str(), &Options, &Opened);
  Made.Package.reset(Opened);
  if (Done.ok())
    Done = Made.open();
  if (Failure)
    *Failure = Done;
  else
    EXPECT_TRUE(Done.ok()) << Done.Message;
  if (!Done.ok())
    return {};
  Owned<dure_call> Call = makeCall(Made, "main");
  EXPECT_TRUE(bind(Call.get(), 0, Tensor<int64_t>{{1, 3}, {1, 4, 6}}).ok());
  EXPECT_TRUE(bind(Call.get(), 1, Tensor<int64_t>{{1, 3}, {1, 1, 0}}).ok());
  EXPECT_TRUE(Outcome(dure_call_run(Call.get(), nullptr)).ok());
  return floatOutput(Call.get(), 1).Values;
}

} // namespace

// Tests that what was written is read back, and that equal content gives equal
// bytes.
TEST(Package, RoundTrip) {
  Package P = encoderPackage();
  Result<std::string> First = writePackageToMemory(P);
  Result<std::string> Second = writePackageToMemory(encoderPackage());
  ASSERT_TRUE(First.ok()) << First.status().message();
  EXPECT_EQ(*First, *Second);
  Result<PackageImage> Image = readPackage(bytesOf(*First));
  ASSERT_TRUE(Image.ok()) << Image.status().message();
  const Package &Q = Image->Content;
  EXPECT_EQ(Q.ModelName, "encoder");
  EXPECT_EQ(Q.Symbols[1].Max, 512);
  EXPECT_EQ(Q.Entries[0].Outputs[0].Dims[0].Expression, "batch");
  EXPECT_EQ(Q.Entries[0].Outputs[0].Dims[2].Value, 5);
  EXPECT_EQ(Q.Weights[1].Source, WeightSource::Package);
  EXPECT_EQ(Q.Weights[1].Shape, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(Q.Weights[1].Offset % PackageAlignment, 0u);
  const Program &Was = P.Variants[0].Programs[0];
  const Program &Is = Q.Variants[0].Programs[0];
  ASSERT_EQ(Is.Blocks.size(), Was.Blocks.size());
  for (size_t B = 0; B != Was.Blocks.size(); ++B) {
    ASSERT_EQ(Is.Blocks[B].Instructions.size(),
              Was.Blocks[B].Instructions.size());
    for (size_t I = 0; I != Was.Blocks[B].Instructions.size(); ++I)
      EXPECT_EQ(Is.Blocks[B].Instructions[I].index(),
                Was.Blocks[B].Instructions[I].index());
  }
  EXPECT_EQ(Is.Trace[1].Nodes, Was.Trace[1].Nodes);
  EXPECT_EQ(codeBytes(*Image, Q.Variants[0].CodeObjects[0]).size(), 4u);
}

// Tests that instructions with all their fields survive.
TEST(Package, EveryInstructionRoundTrips) {
  Package P = bucketPackage();
  Package S = stepPackage();
  for (const Package &From : {P, S}) {
    Result<std::string> First = writePackageToMemory(From);
    ASSERT_TRUE(First.ok()) << First.status().message();
    Result<PackageImage> Image = readPackage(bytesOf(*First));
    ASSERT_TRUE(Image.ok()) << Image.status().message();
    // Written again from what was read: bytes agree if every field came back.
    Package Again = Image->Content;
    for (Variant &V : Again.Variants)
      for (CodeObject &Code : V.CodeObjects)
        Code.Bytes = std::make_shared<std::string>("fake");
    Result<std::string> Second = writePackageToMemory(Again);
    ASSERT_TRUE(Second.ok()) << Second.status().message();
    EXPECT_EQ(*First, *Second);
  }
}

// Tests that everything a package says is described: instructions, steps with
// their numbers, hashes, places.
TEST(Package, DescribesAllOfIt) {
  TemporaryFolder T;
  Package P = fileEncoder(T);
  P.Weights[1] = inlineWeight(
      "projection", std::vector<float>(15), {3, 5},
      {Step::pad({0, 0}, {0, 1}, 2.5), Step::packPanels(4)}, {2, 3, 4});
  PackageWriteOptions Options;
  Options.ModelFolder = T.folder();
  Options.EmbedWeights = false;
  P.Variants[0].PackKey = "";
  Result<std::string> Bytes = writePackageToMemory(P, Options);
  ASSERT_TRUE(Bytes.ok()) << Bytes.status().message();
  Loaded Made;
  Made.Bytes = *Bytes;
  ASSERT_OK(Made.load());
  dure_text *Text = nullptr;
  ASSERT_OK(dure_package_describe(Made.Package.get(), &Text));
  Owned<dure_text> Json(Text);
  std::string All = dure_text_data(Text);
  for (const char *Part :
       {"\"steps\":[{\"kind\":\"cast\",\"type\":\"float32\"}]",
        "\"leaves\":[\"", "\"metadata_sha256\":\"", "\"code\":{\"offset\":4096",
        "{\"block\":0,\"instructions\":[\"r0 = dim 0 of input 0 'ids'\"",
        "dispatch export 1 'matmul_panels' grid [r", "\"barrier\"",
        "= allocate transient of r", "\"return b", "\"trace_block\":1",
        "\"values\":[{\"name\":\"hidden\",\"binding\":2", "\"flops\":\"r"})
    EXPECT_NE(All.find(Part), std::string::npos) << Part << "\n" << All;
  // And of the other kinds of instructions.
  for (const Package &Other : {stepPackage(), bucketPackage()}) {
    Loaded More = loadFake(Other);
    ASSERT_OK(dure_package_describe(More.Package.get(), &Text));
    Owned<dure_text> Described(Text);
    All += dure_text_data(Text);
  }
  for (const char *Part :
       {"= lengths of the state", "positions to the state", "copy corner of b",
        "= state 0 'cache'", " else block 2", "the largest bucket has 8 rows",
        "= select r"})
    EXPECT_NE(All.find(Part), std::string::npos) << Part << "\n" << All;
}

// Tests that tables which share one long vector of strings are refused before
// they take time by the square of the file's size, and that honest ones load.
TEST(Package, SharedStringsTakeNoTime) {
  std::string Path = DURE_SOURCE_DIR "/test/unit/runtime/corpus/shared-strings";
  Result<PackageImage> Image = readPackage(bytesOf(readFile(Path + ".dure")));
  ASSERT_FALSE(Image.ok());
  EXPECT_NE(Image.status().message().find("expands beyond measure"),
            std::string::npos)
      << Image.status().message();
  Package P = encoderPackage();
  P.Variants[0].Programs[0].Trace[0].Nodes.assign(100000, "node");
  Result<std::string> Bytes = writePackageToMemory(P);
  ASSERT_TRUE(Bytes.ok()) << Bytes.status().message();
  Result<PackageImage> Many = readPackage(bytesOf(*Bytes));
  EXPECT_TRUE(Many.ok()) << Many.status().message();
}

// Tests that equal code is stored once.
TEST(Package, VariantsShareCodeAndWeights) {
  Package One = encoderPackage();
  Package Two = One;
  Two.Variants.push_back(Two.Variants[0]);
  Two.Variants[1].Name = "second";
  Result<std::string> Small = writePackageToMemory(One);
  Result<std::string> Large = writePackageToMemory(Two);
  ASSERT_TRUE(Large.ok()) << Large.status().message();
  EXPECT_LT(Large->size() - Small->size(), 2 * PackageAlignment);
}

// Tests that weights embedded and weights left in the model's file give the
// same result, and that the file is checked.
TEST(Package, EmbeddedAndReferencedWeights) {
  TemporaryFolder T;
  Package P = fileEncoder(T);
  PackageWriteOptions Options;
  Options.ModelFolder = T.folder();
  Status Done = writePackage(P, T.path("embed.dure"), Options);
  ASSERT_TRUE(Done.ok()) << Done.message();
  Options.EmbedWeights = false;
  Done = writePackage(P, T.path("reference.dure"), Options);
  ASSERT_TRUE(Done.ok()) << Done.message();
  Result<std::string> Inline = writePackageToMemory(encoderPackage());
  T.write("inline.dure", *Inline);
  std::vector<float> Expected = pooled(T.path("inline.dure"));
  EXPECT_EQ(pooled(T.path("embed.dure")), Expected);
  EXPECT_EQ(pooled(T.path("reference.dure")), Expected);

  std::string Model = readFile(T.path("model.bin"));
  Model[20] ^= 1;
  T.write("model.bin", Model);
  Outcome Failure = nullptr;
  pooled(T.path("reference.dure"), &Failure);
  EXPECT_EQ(Failure.Code, DURE_STATUS_DATA_LOSS);
  T.write("model.bin", Model + "more");
  pooled(T.path("reference.dure"), &Failure);
  EXPECT_EQ(Failure.Code, DURE_STATUS_DATA_LOSS);
  EXPECT_NE(Failure.Message.find("model.bin"), std::string::npos);
  std::filesystem::remove(T.path("model.bin"));
  pooled(T.path("reference.dure"), &Failure);
  EXPECT_EQ(Failure.Code, DURE_STATUS_NOT_FOUND);
  EXPECT_EQ(pooled(T.path("embed.dure")), Expected);
}

// Tests that a model file outside its folder is refused when written and when
// read.
TEST(Package, ModelFilesAreContained) {
  TemporaryFolder T;
  Package P = fileEncoder(T);
  P.Files[0].Path = "../model.bin";
  PackageWriteOptions Options;
  Options.ModelFolder = T.folder();
  EXPECT_EQ(writePackage(P, T.path("p.dure"), Options).code(),
            StatusCode::PermissionDenied);
  EXPECT_FALSE(std::filesystem::exists(T.path("p.dure")));
}

// Tests that cancelling leaves nothing, and the old file as it was.
TEST(Package, CancelledWriteLeavesNothing) {
  TemporaryFolder T;
  T.write("p.dure", "old");
  volatile int Cancel = 1;
  PackageWriteOptions Options;
  Options.Cancel = &Cancel;
  EXPECT_EQ(writePackage(encoderPackage(), T.path("p.dure"), Options).code(),
            StatusCode::Cancelled);
  EXPECT_EQ(readFile(T.path("p.dure")), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(T.folder()), {}),
            1);
}

// Tests that a weight larger than a leaf is hashed by leaves, and that
// verify=once notices a change but hashes only once.
TEST(Package, LeavesAndVerifyOnce) {
  TemporaryFolder T;
  ::setenv("XDG_CACHE_HOME", T.path("cache").c_str(), 1);
  std::filesystem::create_directory(T.path("cache"));
  ::chmod(T.path("cache").c_str(), 0700);
  Package P = encoderPackage();
  constexpr int64_t Rows = 300000; // 3.4 MiB
  P.Weights[0] =
      inlineWeight("table", std::vector<float>(Rows * 3, 0.5f), {Rows, 3});
  ASSERT_TRUE(writePackage(P, T.path("p.dure")).ok());
  Result<PackageImage> Image = readPackage(bytesOf(readFile(T.path("p.dure"))));
  ASSERT_TRUE(Image.ok());
  EXPECT_EQ(Image->Content.Weights[0].Leaves.size(), 4u);
  auto Open = [&](int32_t Verify) {
    dure_load_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.verify = Verify;
    Loaded Made;
    dure_package *Opened = nullptr;
    Outcome Done =
        dure_package_load(T.path("p.dure").c_str(), &Options, &Opened);
    Made.Package.reset(Opened);
    return Done.ok() ? Made.open() : Done;
  };
  EXPECT_TRUE(Open(DURE_VERIFY_ONCE).ok());
  EXPECT_TRUE(std::filesystem::exists(T.path("cache/dure/verified")));
  std::string Damaged = readFile(T.path("p.dure"));
  Damaged[12288 + 2 * LeafSize] ^= 1;
  T.write("p.dure", Damaged);
  EXPECT_EQ(Open(DURE_VERIFY_ONCE).Code, DURE_STATUS_DATA_LOSS);
  EXPECT_EQ(Open(DURE_VERIFY_FULL).Code, DURE_STATUS_DATA_LOSS);
  EXPECT_TRUE(Open(DURE_VERIFY_STRUCTURE).ok());
  ::unsetenv("XDG_CACHE_HOME");
}

// Tests that native code is trusted in the user's own files that nobody else
// can write, and elsewhere only when trust was given.
TEST(Package, TrustInNativeCode) {
  TemporaryFolder T;
  std::string Path = T.path("p.dure");
  ASSERT_TRUE(writePackage(encoderPackage(), Path).ok());
  auto Trust = [&](bool Given) {
    PackageLoadOptions Options;
    Options.TrustCode = Given;
    auto Loaded = LoadedPackage::open(Path, Options);
    return Loaded ? (*Loaded)->checkTrust() : Loaded.status();
  };
  ::chmod(Path.c_str(), 0644);
  EXPECT_TRUE(Trust(false).ok());
  ::chmod(Path.c_str(), 0666);
  Status Refused = Trust(false);
  EXPECT_EQ(Refused.code(), StatusCode::PermissionDenied);
  EXPECT_NE(Refused.message().find("--trust-code"), std::string::npos);
  EXPECT_TRUE(Trust(true).ok());
  std::string Bytes = readFile(Path);
  auto InMemory = LoadedPackage::fromMemory(bytesOf(Bytes), {});
  ASSERT_TRUE(InMemory.ok());
  EXPECT_EQ((*InMemory)->checkTrust().code(), StatusCode::PermissionDenied);
}

// Tests that a package is trusted by who wrote it also where files may be
// written by the group by default, and never opens more than the umask does.
TEST(Package, WrittenUnderAnyUmask) {
  TemporaryFolder T;
  for (auto [Mask, Mode] :
       {std::pair<mode_t, mode_t>{002, 0644}, {000, 0644}, {077, 0600}}) {
    std::string Path = T.path("p" + std::to_string(Mask) + ".dure");
    mode_t Before = ::umask(Mask);
    Status Written = writePackage(encoderPackage(), Path);
    ::umask(Before);
    ASSERT_TRUE(Written.ok()) << Written.message();
    struct stat Info;
    ASSERT_EQ(::stat(Path.c_str(), &Info), 0);
    EXPECT_EQ(Info.st_mode & 0777, Mode);
    auto Loaded = LoadedPackage::open(Path, {});
    ASSERT_TRUE(Loaded.ok());
    EXPECT_TRUE((*Loaded)->checkTrust().ok());
  }
}

// Tests that files of the model come back byte by byte, by number and by name.
TEST(Package, CarriesFiles) {
  Package P = encoderPackage();
  const std::string Bytes("\0{\xff}\n", 5);
  P.Assets = {{"tokenizer.json", Bytes}, {"1_Pooling/config.json", ""}};
  Loaded Made;
  Made.Bytes = *writePackageToMemory(P);
  ASSERT_OK(Made.load());
  dure_package_info Info = {};
  Info.struct_size = sizeof(Info);
  ASSERT_OK(dure_package_get_info(Made.Package.get(), &Info));
  EXPECT_EQ(Info.asset_count, 2u);
  // Who knows nothing of them runs the package: no feature bit.
  EXPECT_EQ(Info.required_features, 0u);
  dure_asset_info Asset = {};
  Asset.struct_size = sizeof(Asset);
  size_t Index = 7;
  ASSERT_OK(
      dure_package_find_asset(Made.Package.get(), "tokenizer.json", &Index));
  ASSERT_OK(dure_package_get_asset(Made.Package.get(), Index, &Asset));
  EXPECT_EQ(std::string(static_cast<const char *>(Asset.data), Asset.size),
            Bytes);
  ASSERT_OK(dure_package_get_asset(Made.Package.get(), 1, &Asset));
  EXPECT_EQ(std::string(Asset.name), "1_Pooling/config.json");
  EXPECT_EQ(Asset.size, 0u);
  EXPECT_EQ(Outcome(dure_package_get_asset(Made.Package.get(), 2, &Asset)).Code,
            DURE_STATUS_OUT_OF_RANGE);
  const Outcome Missing =
      dure_package_find_asset(Made.Package.get(), "vocab.txt", &Index);
  EXPECT_EQ(Missing.Code, DURE_STATUS_NOT_FOUND);
  EXPECT_NE(Missing.Message.find("'tokenizer.json', '1_Pooling/config.json'"),
            std::string::npos)
      << Missing.Message;
  // Without any, the bytes are those of before the field.
  P.Assets.clear();
  EXPECT_EQ(*writePackageToMemory(P), *writePackageToMemory(encoderPackage()));
}

// Tests that what the file name of a carried file may not be is refused, and
// too many of them.
TEST(Package, CarriedFilesAreChecked) {
  const auto refusal = [](std::vector<Asset> Assets) {
    Package P = encoderPackage();
    P.Assets = std::move(Assets);
    Result<std::string> Written = writePackageToMemory(P);
    return Written ? "" : Written.status().message();
  };
  EXPECT_NE(refusal({{"", ""}}), "");
  EXPECT_NE(refusal({{"../x", ""}}), "");
  EXPECT_NE(refusal({{"/etc/passwd", ""}}), "");
  EXPECT_NE(refusal({{"a", ""}, {"a", ""}}), "");
  std::vector<Asset> Many;
  for (size_t I = 0; I != MaxAssets + 1; ++I)
    Many.push_back({"f" + std::to_string(I), ""});
  EXPECT_NE(refusal(Many).find("carries more than 64 files"),
            std::string::npos);
  Many.pop_back();
  EXPECT_EQ(refusal(Many), "");
}

// Tests that packages written by earlier versions still load and run. Add a
// file for each format version; never replace one.
TEST(Package, OldPackagesKeepLoading) {
  std::string Corpus = DURE_SOURCE_DIR "/test/unit/runtime/corpus/";
  TemporaryFolder T;
  T.write("now.dure", *writePackageToMemory(encoderPackage()));
  EXPECT_EQ(pooled(Corpus + "encoder-format-1.dure"),
            pooled(T.path("now.dure")));
  std::string Step = readFile(Corpus + "step-format-1.dure");
  Result<PackageImage> Image = readPackage(bytesOf(Step));
  ASSERT_TRUE(Image.ok()) << Image.status().message();
  EXPECT_EQ(Image->Content.Entries[0].States.size(), 1u);
}
