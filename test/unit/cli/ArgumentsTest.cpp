// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of the command line: what is accepted, and how what is not is refused.
#include "tools/dure/Arguments.h"

#include <cstdlib>
#include <gtest/gtest.h>

namespace dure {
namespace {

std::variant<Options, Finished> parse(std::vector<std::string> Arguments) {
  return parseArguments(Arguments, "1.2.3");
}

Options accepted(std::vector<std::string> Arguments) {
  auto Parsed = parse(std::move(Arguments));
  if (const auto *Done = std::get_if<Finished>(&Parsed)) {
    ADD_FAILURE() << Done->Text;
    return {};
  }
  return std::get<Options>(Parsed);
}

/// The text of a usage error.
std::string refused(std::vector<std::string> Arguments) {
  auto Parsed = parse(std::move(Arguments));
  const auto *Done = std::get_if<Finished>(&Parsed);
  if (!Done) {
    ADD_FAILURE() << "accepted";
    return "";
  }
  EXPECT_EQ(Done->ExitCode, 2);
  return Done->Text;
}

class Arguments : public testing::Test {
protected:
  void SetUp() override { ::setenv("LC_ALL", "C.UTF-8", 1); }
};

// Tests what generate takes, and that what is not given stays the model's to
// say.
TEST_F(Arguments, ReadsGenerate) {
  const Options O = accepted(
      {"generate", "m.dure",        "--prompt",    "",
       "--chat",   "--system",      "be kind",     "--max-tokens",
       "7",        "--temperature", "0.5",         "--top-k",
       "0",        "--top-p",       "0.9",         "--presence-penalty",
       "-1.5",     "--seed",        "18446744073", "--stop",
       "</s>",     "--stop",        "\n",          "--logprobs",
       "0",        "--json"});
  EXPECT_EQ(O.Which, Command::Generate);
  EXPECT_EQ(O.Text.Prompt, "");
  EXPECT_TRUE(O.Text.IsChat);
  EXPECT_EQ(O.Text.System, "be kind");
  EXPECT_EQ(O.Text.MaxTokens, 7);
  EXPECT_EQ(O.Text.Temperature, 0.5);
  EXPECT_EQ(O.Text.TopK, 0);
  EXPECT_EQ(O.Text.TopP, 0.9);
  EXPECT_EQ(O.Text.PresencePenalty, -1.5);
  EXPECT_EQ(O.Text.Seed, 18446744073u);
  EXPECT_EQ(O.Text.Stop, (std::vector<std::string>{"</s>", "\n"}));
  EXPECT_EQ(O.Text.LogProbs, 0);
  EXPECT_FALSE(O.Text.MinP || O.Text.RepetitionPenalty || O.Text.Context ||
               O.Text.FrequencyPenalty || O.Text.PromptIds);
}

TEST_F(Arguments, RefusesWhatGenerateCannotRead) {
  for (const char *Ids : {"1,", ",1", "1,,2", "-1", "4294967296", "1 2"})
    EXPECT_NE(refused({"generate", "m", "--prompt-ids", Ids}).find("error:"),
              std::string::npos)
        << Ids;
  for (const auto &[Option, Value] :
       std::vector<std::pair<std::string, std::string>>{
           {"--max-tokens", "0"},
           {"--context", "0"},
           {"--top-k", "-1"},
           {"--temperature", "warm"},
           {"--temperature", "nan"},
           {"--min-p", "inf"},
           {"--seed", "-1"},
           {"--logprobs", "many"}})
    EXPECT_NE(refused({"generate", "m", Option, Value}).find(Option + ": '"),
              std::string::npos)
        << Option;
}

TEST_F(Arguments, ReadsCompile) {
  const Options O = accepted({"compile",
                              "--target",
                              "rngd",
                              "m.onnx",
                              "-o",
                              "m.dure",
                              "--target=cpu",
                              "--cpu",
                              "portable",
                              "--weights=reference",
                              "--load-target",
                              "./x.so",
                              "--dims",
                              "batch=1,a=b=2",
                              "--report",
                              "r.json",
                              "--save-temps",
                              "t",
                              "--allow-links=/models",
                              "--input-value",
                              "axes=0,-1",
                              "--input-value",
                              "k=k.npy",
                              "--no-raise",
                              "--no-fallback"});
  EXPECT_EQ(O.Which, Command::Compile);
  EXPECT_EQ(O.Path, "m.onnx");
  EXPECT_EQ(O.Output, "m.dure");
  EXPECT_EQ(O.Targets, (std::vector<std::string>{"rngd", "cpu"}));
  EXPECT_EQ(O.Cpus, std::vector<std::string>{"portable"});
  EXPECT_EQ(O.EmbedWeights, std::optional<bool>(false));
  EXPECT_EQ(O.LoadTargets, std::vector<std::string>{"./x.so"});
  EXPECT_EQ(O.Dims, (NamedSizes{{"batch", 1}, {"a=b", 2}}));
  EXPECT_EQ(O.Report, "r.json");
  EXPECT_EQ(O.SaveTemps, "t");
  EXPECT_TRUE(O.AllowLinks);
  EXPECT_EQ(O.LinksRoot, "/models");
  EXPECT_EQ(O.InputValues, (NamedFiles{{"axes", "0,-1"}, {"k", "k.npy"}}));
  EXPECT_TRUE(O.NoRaise);
  EXPECT_TRUE(O.NoFallback);
}

TEST_F(Arguments, ReadsRun) {
  const Options O = accepted({"run", "p.dure", "--input", "a=x.npy", "--input",
                              "b=y=z.pb", "--inputs", "i.npz", "--output-dir",
                              "out", "--threads", "2", "--trace", "t.json",
                              "--verify=full", "--trust-code", "--json"});
  EXPECT_EQ(O.Which, Command::Run);
  EXPECT_EQ(O.Inputs, (NamedFiles{{"a", "x.npy"}, {"b", "y=z.pb"}}));
  EXPECT_EQ(O.InputsFile, "i.npz");
  EXPECT_EQ(O.OutputDir, "out");
  EXPECT_EQ(O.Threads, 2);
  EXPECT_EQ(O.Verify, 1);
  EXPECT_TRUE(O.TrustCode);
  EXPECT_TRUE(O.Json);
  EXPECT_FALSE(O.AllowLinks);
}

TEST_F(Arguments, ReadsCheckAndBench) {
  const Options Check = accepted({"check", "m.onnx", "--data", "d", "--against",
                                  "f.npz", "--per-dispatch", "--atol", "1e-3"});
  EXPECT_EQ(Check.Which, Command::Check);
  EXPECT_EQ(Check.Atol, std::optional<double>(1e-3));
  EXPECT_FALSE(Check.Rtol);
  EXPECT_TRUE(Check.PerDispatch);
  const Options Bench =
      accepted({"bench", "m.onnx", "--dims", "b=1", "--repeat", "7"});
  EXPECT_EQ(Bench.Which, Command::Bench);
  EXPECT_EQ(Bench.Repeat, 7);
}

TEST_F(Arguments, RefusesWithThePlaceAndTheRemedy) {
  const struct {
    std::vector<std::string> Arguments;
    const char *Expected;
  } Cases[] = {
      {{}, "a command is missing"},
      {{"frob"}, "no command 'frob'"},
      {{"compile", "m.onnx"}, "--output is missing"},
      {{"compile", "-o", "x"}, "MODEL is missing"},
      {{"compile", "m.onnx", "-o", "x", "--bogus"},
       "unknown argument: --bogus"},
      {{"compile", "a", "b", "-o", "x"}, "unknown argument: b"},
      {{"compile", "m.onnx", "-o"}, "--output needs a value"},
      {{"compile", "m.onnx", "-o", "x", "-o", "y"}, "--output is given twice"},
      {{"compile", "m.onnx", "-o", "x", "--no-raise=maybe"},
       "--no-raise takes no value"},
      {{"compile", "a", "b", "c", "-o", "x"}, "unknown argument: b c"},
      {{"run", "m", "--output-dir", "d", "--input", "a=1.npy", "--input",
        "a=2.npy"},
       "'a' is given twice"},
      {{"compile", "m.onnx", "-o", "x", "--weights", "all"},
       "one of: embed, reference"},
      {{"run", "m", "--output-dir", "d", "--threads", "0"}, "from 1 to 1024"},
      {{"run", "m", "--output-dir", "d", "--threads", "99999999999999999999"},
       "from 1 to 1024"},
      {{"run", "m", "--output-dir", "d", "--input", "x.npy"}, "NAME=FILE.npy"},
      {{"bench", "m", "--dims", "batch"}, "NAME=SIZE"},
      {{"bench", "m", "--dims", "batch=-1"}, "from 0"},
      {{"check", "m", "--data", "d", "--atol", "nan"}, "not negative"},
      {{"inspect", "m", "--lang", "fr"}, "one of: en, ko"},
      // Not that FILE is missing: nothing is asked before the language.
      {{"--lang", "fr", "run"}, "one of: en, ko"},
      {{"inspect", "m\x1b[31m", "n\x1b[31m"}, "n\\x1b[31m"},
  };
  for (const auto &Case : Cases) {
    const std::string Text = refused(Case.Arguments);
    EXPECT_NE(Text.find(Case.Expected), std::string::npos) << Text;
    EXPECT_NE(Text.find("--help`"), std::string::npos) << Text;
  }
}

TEST_F(Arguments, LinksTakeTheirRootWithAnEqualsSignOnly) {
  const Options Any = accepted({"explain", "--allow-links", "m.onnx"});
  EXPECT_EQ(Any.Path, "m.onnx");
  EXPECT_TRUE(Any.AllowLinks);
  EXPECT_EQ(Any.LinksRoot, "");
  const Options Root = accepted({"explain", "--allow-links=/x", "m.onnx"});
  EXPECT_TRUE(Root.AllowLinks);
  EXPECT_EQ(Root.LinksRoot, "/x");
  EXPECT_FALSE(accepted({"explain", "m.onnx"}).AllowLinks);
}

TEST_F(Arguments, JsonMayComeBeforeTheCommand) {
  EXPECT_TRUE(accepted({"--json", "targets"}).Json);
  EXPECT_TRUE(accepted({"targets", "--json"}).Json);
  EXPECT_FALSE(accepted({"targets"}).Json);
}

TEST_F(Arguments, SpeaksTheChosenLanguage) {
  EXPECT_NE(refused({"--lang", "ko", "compile", "-o", "x"}).find("필요합니다"),
            std::string::npos);
  EXPECT_NE(refused({"compile", "-o", "x", "--lang=ko"}).find("오류"),
            std::string::npos);
  ::setenv("LC_ALL", "ko_KR.UTF-8", 1);
  EXPECT_NE(refused({"compile"}).find("오류"), std::string::npos);
  EXPECT_EQ(refused({"compile", "--lang", "en"}).find("오류"),
            std::string::npos);
  EXPECT_EQ(accepted({"inspect", "p"}).Lang, Language::Korean);
  // Konkani.
  ::setenv("LC_ALL", "kok_IN.UTF-8", 1);
  EXPECT_EQ(accepted({"inspect", "p"}).Lang, Language::English);
  ::setenv("LC_ALL", "ko", 1);
  EXPECT_EQ(accepted({"inspect", "p"}).Lang, Language::Korean);
}

TEST_F(Arguments, HelpAndVersionAreNoErrors) {
  for (const std::vector<std::string> &Arguments :
       {std::vector<std::string>{"--help"}, {"run", "-h"}, {"--version"}}) {
    auto Parsed = parse(Arguments);
    const auto *Done = std::get_if<Finished>(&Parsed);
    ASSERT_TRUE(Done);
    EXPECT_EQ(Done->ExitCode, 0);
    EXPECT_TRUE(Done->Text.ends_with('\n'));
  }
  const auto Help = [&](std::vector<std::string> Arguments) {
    auto Parsed = parse(std::move(Arguments));
    const auto *Done = std::get_if<Finished>(&Parsed);
    return Done ? Done->Text : "";
  };
  EXPECT_EQ(Help({"help"}), Help({"--help"}));
  EXPECT_EQ(Help({"help", "run"}), Help({"run", "--help"}));
  EXPECT_NE(Help({"help"}), Help({"help", "run"}));
  auto Version = parse({"--version"});
  EXPECT_EQ(std::get<Finished>(Version).Text, "dure 1.2.3\n");
}

} // namespace
} // namespace dure
