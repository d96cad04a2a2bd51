// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The command line, in CLI11's terms.
//
// The one file of the command that is compiled with exceptions: CLI11 reports
// by throwing, and parseArguments catches.
#include "tools/dure/Arguments.h"

#include "tools/dure/Messages.h"
#include "tools/dure/Utf8.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <dure/dure.h>
#include <optional>

namespace dure {
namespace {

/// What is wrong, in the user's language; thrown by the checks below.
struct UsageError {
  std::string Text;
};

// What a bare --allow-links stands for: CLI11 would take the next argument for
// the value of an option that may have one.
constexpr const char *AnyLink = "*";

/// CLI11's help with descriptions wrapped, and padded by columns rather than
/// bytes, which differ in Korean.
class HelpFormatter : public CLI::Formatter {
public:
  std::string make_option(const CLI::Option *Option,
                          bool IsPositional) const override {
    return row(make_option_name(Option, IsPositional) +
                   make_option_opts(Option),
               make_option_desc(Option));
  }
  std::string make_subcommand(const CLI::App *Sub) const override {
    return row(Sub->get_name(), Sub->get_description());
  }

private:
  static constexpr size_t Indent = 2, NameColumns = 28, Columns = 80;

  static std::string row(const std::string &Name, std::string_view Text) {
    std::string Out(Indent, ' ');
    Out += Name;
    size_t Column = Indent + displayWidth(Name);
    const size_t Start = Indent + NameColumns;
    if (Column + 2 > Start) {
      Out += '\n';
      Column = 0;
    }
    Out.append(Start - Column, ' ');
    Column = Start;
    while (!Text.empty()) {
      const std::string_view Word = Text.substr(0, Text.find(' '));
      const size_t Width = displayWidth(Word);
      if (Column > Start && Column + 1 + Width > Columns) {
        Out += '\n' + std::string(Start, ' ');
        Column = Start;
      } else if (Column > Start) {
        Out += ' ';
        ++Column;
      }
      Out += Word;
      Column += Width;
      Text.remove_prefix(std::min(Word.size() + 1, Text.size()));
    }
    return Out + '\n';
  }
};

/// Builds the parser. Values that need more than CLI11's conversions are kept
/// as text and read in finish().
class Parser {
public:
  Parser(Language Lang, const char *Version)
      : Lang(Lang), App(text(Message::HelpProgram), "dure") {
    O.Lang = Lang;
    App.footer(text(Message::HelpFooter));
    App.require_subcommand(1);
    App.fallthrough();
    localize(App);
    App.set_version_flag("--version", std::string("dure ") + Version,
                         text(Message::HelpVersion));
    App.add_option("--lang", LangText, text(Message::HelpLang))
        ->type_name("en|ko");
    // Every command has it; before the command it means the same.
    App.add_flag("--json", O.Json)->group("");
    addExport();
    addCompile();
    addRun();
    addGenerate();
    addChat();
    addScore();
    addEmbed();
    addCheck();
    addBench();
    addInspect();
    addTargets();
    addExplain();
    addCache();
  }

  Options parse(std::span<const std::string> Arguments) {
    // CLI11 takes them from the back.
    std::vector<std::string> Reversed(Arguments.rbegin(), Arguments.rend());
    for (std::string &Argument : Reversed)
      if (Argument == "--allow-links")
        Argument += std::string("=") + AnyLink;
    App.parse(std::move(Reversed));
    finish();
    return std::move(O);
  }

  /// First of all: other complaints are no help in a language that was not
  /// asked for.
  void checkLanguage(const std::string &Text) const {
    readChoice("--lang", Text, {"en", "ko"});
  }

  /// "run " when the command is known, for "See `dure run --help`".
  std::string commandPrefix() const {
    const auto Chosen = App.get_subcommands();
    return Chosen.empty() ? "" : Chosen.front()->get_name() + " ";
  }
  std::string help() const {
    std::string Text = App.help();
    if (!Text.ends_with('\n'))
      Text += '\n';
    return Text;
  }
  /// What no command takes, in the order given.
  std::string remaining(std::span<const std::string> Arguments) const {
    const std::vector<std::string> Extras = App.remaining(true);
    std::string List;
    for (const std::string &Argument : Arguments)
      if (std::find(Extras.begin(), Extras.end(), Argument) != Extras.end())
        List += (List.empty() ? "" : " ") + Argument;
    return List;
  }
  /// How often an option, which one of its names tells, was given.
  int64_t occurrences(const std::string &Name,
                      std::span<const std::string> Arguments) const {
    const auto Chosen = App.get_subcommands();
    const CLI::Option *Option = App.get_option_no_throw(Name);
    if (!Option && !Chosen.empty())
      Option = Chosen.front()->get_option_no_throw(Name);
    return Option ? std::count_if(Arguments.begin(), Arguments.end(),
                                  [&](const std::string &Argument) {
                                    return Argument.starts_with('-') &&
                                           Option->check_name(Argument.substr(
                                               0, Argument.find('=')));
                                  })
                  : 0;
  }

private:
  std::string text(Message Id,
                   std::initializer_list<std::string> A = {}) const {
    return message(Lang, Id, A);
  }

  void localize(CLI::App &A) {
    A.set_help_flag("-h,--help", text(Message::HelpHelp));
    const auto F = std::make_shared<HelpFormatter>();
    A.formatter(F);
    F->label("Usage", text(Message::LabelUsage));
    F->label("OPTIONS", text(Message::LabelOptionsUpper));
    F->label("SUBCOMMAND", text(Message::LabelSubcommand));
    F->label("SUBCOMMANDS", text(Message::LabelSubcommand));
    F->label("Subcommands", text(Message::LabelSubcommands));
    F->label("Positionals", text(Message::LabelPositionals));
    F->label("REQUIRED", "(" + text(Message::LabelRequired) + ")");
    A.option_defaults()->group(text(Message::LabelOptions));
    A.get_help_ptr()->group(text(Message::LabelOptions));
  }

  CLI::App &command(const char *Name, Message Help, Command Which) {
    CLI::App *Sub = App.add_subcommand(Name, text(Help));
    Sub->group(text(Message::LabelSubcommands));
    localize(*Sub);
    Sub->callback([this, Which] { O.Which = Which; });
    return *Sub;
  }

  CLI::Option *option(CLI::App &A, const char *Name, std::string &Value,
                      const char *Type, Message Help) {
    return A.add_option(Name, Value, text(Help))->type_name(Type);
  }
  CLI::Option *options(CLI::App &A, const char *Name,
                       std::vector<std::string> &Values, const char *Type,
                       Message Help) {
    // One value a time: what follows is the next option or the model.
    return A.add_option(Name, Values, text(Help))
        ->type_name(Type)
        ->expected(1)
        ->allow_extra_args(false)
        ->take_all();
  }
  void flag(CLI::App &A, const char *Name, bool &Value, Message Help) {
    A.add_flag(Name, Value, text(Help));
  }

  void addPath(CLI::App &A, const char *Name, Message Help) {
    A.add_option(Name, O.Path, text(Help))->required()->type_name("");
  }
  void addTarget(CLI::App &A, Message Help) {
    options(A, "--target", O.Targets, "T", Help);
    options(A, "--load-target", O.LoadTargets, "SO", Message::HelpLoadTarget);
  }
  void addLinks(CLI::App &A) {
    A.add_option("--allow-links", LinksText, text(Message::HelpAllowLinks))
        ->type_name("[=ROOT]");
  }
  void addModelRules(CLI::App &A) {
    options(A, "--cpu", O.Cpus, "CPU", Message::HelpCpu);
    addLinks(A);
    options(A, "--input-value", InputValueTexts, "NAME=VALUE",
            Message::HelpInputValue);
    options(A, "--bucket", O.Buckets, "NAME=SIZE,...", Message::HelpBucket);
    flag(A, "--no-raise", O.NoRaise, Message::HelpNoRaise);
    flag(A, "--no-fallback", O.NoFallback, Message::HelpNoFallback);
    option(A, "--text-folder", O.TextFolder, "DIR", Message::HelpTextFolder);
  }
  void addLoading(CLI::App &A) {
    option(A, "--threads", ThreadsText, "N", Message::HelpThreads);
    option(A, "--verify", VerifyText, "HOW", Message::HelpVerify);
    flag(A, "--trust-code", O.TrustCode, Message::HelpTrustCode);
    option(A, "--model-folder", O.ModelFolder, "DIR", Message::HelpModelFolder);
    addDriverOptions(A);
  }
  /// For what compiles on the spot.
  void addOnTheSpot(CLI::App &A) {
    addModelRules(A);
    flag(A, "--no-cache", O.NoCache, Message::HelpNoCache);
  }
  void addDriverOptions(CLI::App &A) {
    options(A, "--driver-option", DriverOptionTexts, "KEY=VALUE",
            Message::HelpDriverOption);
  }
  void addInputs(CLI::App &A) {
    options(A, "--input", InputTexts, "NAME=FILE", Message::HelpInput);
    option(A, "--inputs", O.InputsFile, "FILE.npz", Message::HelpInputs);
  }
  void addJson(CLI::App &A) { flag(A, "--json", O.Json, Message::HelpJson); }

  void addExport() {
    CLI::App &A = command("export", Message::HelpExport, Command::Export);
    addPath(A, "CHECKPOINT", Message::HelpCheckpoint);
    option(A, "-o,--output", O.Output, "OUT", Message::HelpExportOutput);
    option(A, "--style", StyleText, "STYLE", Message::HelpStyle);
    option(A, "--opset", OpsetText, "N", Message::HelpOpset);
    flag(A, "--dequantize", O.Dequantize, Message::HelpDequantize);
    flag(A, "--dry-run", O.DryRun, Message::HelpDryRun);
    addLinks(A);
    addJson(A);
  }

  void addCompile() {
    CLI::App &A = command("compile", Message::HelpCompile, Command::Compile);
    addPath(A, "MODEL", Message::HelpModel);
    option(A, "-o,--output", O.Output, "OUT.dure", Message::HelpOutput)
        ->required();
    addTarget(A, Message::HelpTarget);
    addModelRules(A);
    option(A, "--weights", WeightsText, "HOW", Message::HelpWeights);
    option(A, "--dims", DimsText, "NAME=SIZE,...", Message::HelpDims);
    option(A, "--save-temps", O.SaveTemps, "DIR", Message::HelpSaveTemps);
    option(A, "--report", O.Report, "F.json", Message::HelpReport);
    option(A, "--emit", O.Emit, "FORM", Message::HelpEmit);
    option(A, "--stop-after", O.StopAfter, "PHASE", Message::HelpStopAfter);
    option(A, "--start-from", O.StartFrom, "PHASE", Message::HelpStartFrom);
    options(A, "--print-ir-after", O.PrintIrAfter, "NAME",
            Message::HelpPrintIrAfter);
    option(A, "--threads", ThreadsText, "N", Message::HelpCompileThreads);
    addJson(A);
  }

  void addRun() {
    CLI::App &A = command("run", Message::HelpRun, Command::Run);
    addPath(A, "FILE", Message::HelpModelOrPackage);
    addInputs(A);
    option(A, "--output-dir", O.OutputDir, "DIR", Message::HelpOutputDir)
        ->required();
    addTarget(A, Message::HelpRunTarget);
    addOnTheSpot(A);
    addLoading(A);
    option(A, "--trace", O.Trace, "F.json", Message::HelpTrace);
    addJson(A);
  }

  void addSampling(CLI::App &A) {
    option(A, "--max-tokens", MaxTokensText, "N", Message::HelpMaxTokens);
    option(A, "--temperature", TemperatureText, "X", Message::HelpTemperature);
    option(A, "--top-k", TopKText, "N", Message::HelpTopK);
    option(A, "--top-p", TopPText, "X", Message::HelpTopP);
    option(A, "--min-p", MinPText, "X", Message::HelpMinP);
    option(A, "--repetition-penalty", RepetitionText, "X",
           Message::HelpRepetitionPenalty);
    option(A, "--presence-penalty", PresenceText, "X",
           Message::HelpPresencePenalty);
    option(A, "--frequency-penalty", FrequencyText, "X",
           Message::HelpFrequencyPenalty);
    option(A, "--seed", SeedText, "N", Message::HelpSeed);
    options(A, "--stop", O.Text.Stop, "TEXT", Message::HelpStop);
    option(A, "--context", ContextText, "N", Message::HelpContext);
  }

  void addGenerate() {
    CLI::App &A = command("generate", Message::HelpGenerate, Command::Generate);
    addPath(A, "FILE", Message::HelpModelOrPackage);
    A.add_option("--prompt", O.Text.Prompt, text(Message::HelpPrompt))
        ->type_name("TEXT");
    option(A, "--prompt-file", O.Text.PromptFile, "F", Message::HelpPromptFile);
    option(A, "--prompt-ids", PromptIdsText, "N,N,...", Message::HelpPromptIds);
    flag(A, "--chat", O.Text.IsChat, Message::HelpAsChat);
    addSystem(A);
    addSampling(A);
    option(A, "--logprobs", LogProbsText, "N", Message::HelpLogProbs);
    addTarget(A, Message::HelpRunTarget);
    addOnTheSpot(A);
    addLoading(A);
    addJson(A);
  }

  void addSystem(CLI::App &A) {
    A.add_option("--system", O.Text.System, text(Message::HelpSystem))
        ->type_name("TEXT");
  }

  void addChat() {
    CLI::App &A = command("chat", Message::HelpChat, Command::Chat);
    addPath(A, "FILE", Message::HelpModelOrPackage);
    addSystem(A);
    addSampling(A);
    addTarget(A, Message::HelpRunTarget);
    addOnTheSpot(A);
    addLoading(A);
  }

  void addScore() {
    CLI::App &A = command("score", Message::HelpScore, Command::Score);
    addPath(A, "FILE", Message::HelpModelOrPackage);
    option(A, "--text", O.Text.File, "F", Message::HelpScoreText)->required();
    option(A, "--context", ContextText, "N", Message::HelpScoreContext);
    option(A, "--stride", StrideText, "N", Message::HelpStride);
    addTarget(A, Message::HelpRunTarget);
    addOnTheSpot(A);
    addLoading(A);
    addJson(A);
  }

  void addEmbed() {
    CLI::App &A = command("embed", Message::HelpEmbed, Command::Embed);
    addPath(A, "FILE", Message::HelpModelOrPackage);
    option(A, "--text", O.Text.File, "F", Message::HelpEmbedText)->required();
    option(A, "-o,--output", O.Output, "OUT", Message::HelpEmbedOutput);
    addTarget(A, Message::HelpRunTarget);
    addOnTheSpot(A);
    addLoading(A);
    addJson(A);
  }

  void addCheck() {
    CLI::App &A = command("check", Message::HelpCheck, Command::Check);
    addPath(A, "MODEL", Message::HelpModel);
    option(A, "--data", O.Data, "DIR", Message::HelpData);
    option(A, "--against", O.Against, "F.npz", Message::HelpAgainst);
    option(A, "--against-logits", O.AgainstLogits, "F.npz",
           Message::HelpAgainstLogits);
    option(A, "--cosine", CosineText, "X", Message::HelpCosine);
    flag(A, "--per-dispatch", O.PerDispatch, Message::HelpPerDispatch);
    option(A, "--atol", AtolText, "X", Message::HelpAtol);
    option(A, "--rtol", RtolText, "X", Message::HelpRtol);
    option(A, "--oracle", O.Oracle, "TOOL", Message::HelpOracle);
    option(A, "--oracle-timeout", OracleTimeoutText, "SECONDS",
           Message::HelpOracleTimeout);
    addTarget(A, Message::HelpTarget);
    addOnTheSpot(A);
    option(A, "--threads", ThreadsText, "N", Message::HelpThreads);
    addDriverOptions(A);
    addJson(A);
  }

  void addBench() {
    CLI::App &A = command("bench", Message::HelpBench, Command::Bench);
    addPath(A, "FILE", Message::HelpModelOrPackage);
    addInputs(A);
    option(A, "--entry", O.Entry, "NAME", Message::HelpBenchEntry);
    option(A, "--dims", DimsText, "NAME=SIZE,...", Message::HelpBenchDims);
    option(A, "--repeat", RepeatText, "R", Message::HelpRepeat);
    flag(A, "--no-roof", O.NoRoof, Message::HelpNoRoof);
    flag(A, "--timing-only", O.TimingOnly, Message::HelpTimingOnly);
    addTarget(A, Message::HelpRunTarget);
    addOnTheSpot(A);
    addLoading(A);
    option(A, "--trace", O.Trace, "F.json", Message::HelpTrace);
    addJson(A);
  }

  void addInspect() {
    CLI::App &A = command("inspect", Message::HelpInspect, Command::Inspect);
    addPath(A, "FILE", Message::HelpPackage);
    option(A, "--verify", VerifyText, "HOW", Message::HelpVerify);
    option(A, "--model-folder", O.ModelFolder, "DIR", Message::HelpModelFolder);
    addJson(A);
  }

  void addTargets() {
    CLI::App &A = command("targets", Message::HelpTargets, Command::Targets);
    options(A, "--load-target", O.LoadTargets, "SO", Message::HelpLoadTarget);
    flag(A, "--all", O.AllTargets, Message::HelpAllTargets);
    addJson(A);
  }

  void addExplain() {
    CLI::App &A = command("explain", Message::HelpExplain, Command::Explain);
    addPath(A, "MODEL", Message::HelpModel);
    addTarget(A, Message::HelpTarget);
    addModelRules(A);
    option(A, "--entry", O.Entry, "NAME", Message::HelpEntry);
    option(A, "--dims", DimsText, "NAME=SIZE,...", Message::HelpDims);
    addJson(A);
  }

  void addCache() {
    CLI::App &A = command("cache", Message::HelpCache, Command::Cache);
    flag(A, "--clear", O.Clear, Message::HelpCacheClear);
    addJson(A);
  }

  [[noreturn]] void refuse(const char *Option, const std::string &Value,
                           const std::string &Expected) const {
    throw UsageError{text(Message::UsageValue, {Option, Value, Expected})};
  }

  int64_t readCount(const char *Name, const std::string &Text, int64_t Min,
                    int64_t Max) {
    int64_t Value = 0;
    const char *End = Text.data() + Text.size();
    const auto Read = std::from_chars(Text.data(), End, Value);
    if (Read.ec != std::errc() || Read.ptr != End || Value < Min || Value > Max)
      refuse(Name, Text,
             text(Message::ExpectCount,
                  {std::to_string(Min), std::to_string(Max)}));
    return Value;
  }

  void readNumber(const char *Name, const std::string &Text,
                  std::optional<double> &Out) {
    if (Text.empty())
      return;
    double Value = 0;
    const char *End = Text.data() + Text.size();
    const auto Read = std::from_chars(Text.data(), End, Value);
    if (Read.ec != std::errc() || Read.ptr != End || !(Value >= 0))
      refuse(Name, Text, text(Message::ExpectNumber));
    Out = Value;
  }

  /// A number that may be negative.
  void readReal(const char *Name, const std::string &Text,
                std::optional<double> &Out) {
    if (Text.empty())
      return;
    double Value = 0;
    const char *End = Text.data() + Text.size();
    const auto Read = std::from_chars(Text.data(), End, Value);
    if (Read.ec != std::errc() || Read.ptr != End || !std::isfinite(Value))
      refuse(Name, Text, text(Message::ExpectReal));
    Out = Value;
  }

  void readOptionalCount(const char *Name, const std::string &Text, int64_t Min,
                         int64_t Max, std::optional<int64_t> &Out) {
    if (!Text.empty())
      Out = readCount(Name, Text, Min, Max);
  }

  void readPromptIds() {
    if (PromptIdsText.empty())
      return;
    std::vector<int64_t> Ids;
    const char *At = PromptIdsText.data();
    const char *const End = At + PromptIdsText.size();
    for (;;) {
      uint32_t Id = 0;
      const auto [Next, Error] = std::from_chars(At, End, Id);
      if (Error != std::errc() || (Next != End && *Next != ','))
        refuse("--prompt-ids", PromptIdsText, text(Message::ExpectPromptIds));
      Ids.push_back(Id);
      if (Next == End)
        break;
      At = Next + 1;
    }
    O.Text.PromptIds = std::move(Ids);
  }

  /// Ranges of what changes logits are the sampler's to check.
  void readText() {
    constexpr int64_t MostTokens = int64_t(1) << 31;
    TextOptions &T = O.Text;
    readPromptIds();
    readOptionalCount("--max-tokens", MaxTokensText, 1, MostTokens,
                      T.MaxTokens);
    readOptionalCount("--context", ContextText, 1, MostTokens, T.Context);
    readOptionalCount("--stride", StrideText, 1, MostTokens, T.Stride);
    readOptionalCount("--top-k", TopKText, 0, INT32_MAX, T.TopK);
    readOptionalCount("--logprobs", LogProbsText, 0, 1000, T.LogProbs);
    readReal("--temperature", TemperatureText, T.Temperature);
    readReal("--top-p", TopPText, T.TopP);
    readReal("--min-p", MinPText, T.MinP);
    readReal("--repetition-penalty", RepetitionText, T.RepetitionPenalty);
    readReal("--presence-penalty", PresenceText, T.PresencePenalty);
    readReal("--frequency-penalty", FrequencyText, T.FrequencyPenalty);
    if (!SeedText.empty())
      T.Seed = uint64_t(readCount("--seed", SeedText, 0, INT64_MAX));
  }

  /// Index of `Text` among `Choices`.
  size_t readChoice(const char *Name, const std::string &Text,
                    std::initializer_list<const char *> Choices) const {
    std::string List;
    size_t Index = 0;
    for (const char *Choice : Choices) {
      if (Text == Choice)
        return Index;
      List += (Index++ ? ", " : "") + std::string(Choice);
    }
    refuse(Name, Text, text(Message::ExpectOneOf, {List}));
  }

  void readNamed(const char *Name, const std::vector<std::string> &Texts,
                 Message Expected, NamedFiles &Out) {
    for (const std::string &Text : Texts) {
      const size_t Equals = Text.find('=');
      if (Equals == 0 || Equals == std::string::npos ||
          Equals + 1 == Text.size())
        refuse(Name, Text, text(Expected));
      const std::string Key = Text.substr(0, Equals);
      for (const auto &[Known, Value] : Out)
        if (Known == Key)
          throw UsageError{text(Message::UsageInputTwice, {Key})};
      Out.emplace_back(Key, Text.substr(Equals + 1));
    }
  }

  void readDims() {
    for (size_t Begin = 0; Begin < DimsText.size();) {
      const size_t End = std::min(DimsText.find(',', Begin), DimsText.size());
      const std::string Part = DimsText.substr(Begin, End - Begin);
      // The last '=': a symbol's name may hold one.
      const size_t Equals = Part.rfind('=');
      if (Equals == 0 || Equals == std::string::npos)
        refuse("--dims", Part, text(Message::ExpectDims));
      O.Dims.emplace_back(
          Part.substr(0, Equals),
          readCount("--dims", Part.substr(Equals + 1), 0, INT64_MAX));
      Begin = End + 1;
    }
  }

  /// Options of comparing values say nothing about cycles.
  void checkOracle() const {
    const struct {
      const char *Name;
      bool Given;
    } All[] = {{"--data", !O.Data.empty()},
               {"--against", !O.Against.empty()},
               {"--per-dispatch", O.PerDispatch},
               {"--atol", !AtolText.empty()},
               {"--rtol", !RtolText.empty()}};
    for (const auto &Each : All)
      if (Each.Given)
        throw UsageError{text(Message::UsageOracle, {Each.Name})};
  }

  void readGraph() {
    if (!StyleText.empty())
      O.IsGenai = readChoice("--style", StyleText, {"onnx", "genai"}) == 1;
    if (OpsetText.empty())
      O.Opset = O.IsGenai ? 21 : 23;
    else if (O.IsGenai)
      O.Opset = std::array{
          20, 21,
          23}[size_t(readChoice("--opset", OpsetText, {"20", "21", "23"}))];
    else
      O.Opset = readChoice("--opset", OpsetText, {"20", "23"}) ? 23 : 20;
  }

  void finish() {
    if (!ThreadsText.empty())
      O.Threads = readCount("--threads", ThreadsText, 1, DURE_MAX_THREADS);
    readGraph();
    if (!OracleTimeoutText.empty())
      O.OracleTimeout =
          readCount("--oracle-timeout", OracleTimeoutText, 1, 86400);
    if (O.Which == Command::Check && O.Data.empty() && O.Oracle.empty() &&
        O.AgainstLogits.empty())
      throw UsageError{text(Message::UsageMissing, {"--data"})};
    if (O.Which == Command::Check && !O.Oracle.empty())
      checkOracle();
    if (!RepeatText.empty())
      O.Repeat = readCount("--repeat", RepeatText, 1, 1000000);
    O.HasVerify = !VerifyText.empty();
    if (O.HasVerify)
      O.Verify = int32_t(
          readChoice("--verify", VerifyText, {"once", "full", "structure"}));
    if (!WeightsText.empty())
      O.EmbedWeights =
          readChoice("--weights", WeightsText, {"embed", "reference"}) == 0;
    O.AllowLinks = !LinksText.empty();
    if (LinksText != AnyLink)
      O.LinksRoot = LinksText;
    readNumber("--atol", AtolText, O.Atol);
    readNumber("--rtol", RtolText, O.Rtol);
    readNumber("--cosine", CosineText, O.LeastCosine);
    readNamed("--input", InputTexts, Message::ExpectInput, O.Inputs);
    readNamed("--driver-option", DriverOptionTexts, Message::ExpectDriverOption,
              O.DriverOptions);
    if (O.TimingOnly)
      O.DriverOptions.emplace_back("timing_only", "1");
    readNamed("--input-value", InputValueTexts, Message::ExpectInputValue,
              O.InputValues);
    readDims();
    readText();
  }

  Language Lang;
  CLI::App App;
  Options O;
  std::string LangText, ThreadsText, RepeatText, VerifyText, WeightsText,
      LinksText, AtolText, RtolText, CosineText, DimsText, OracleTimeoutText,
      OpsetText, StyleText;
  std::string PromptIdsText, StrideText, MaxTokensText, ContextText, TopKText,
      LogProbsText, TemperatureText, TopPText, MinPText, RepetitionText,
      PresenceText, FrequencyText, SeedText;
  std::vector<std::string> InputTexts, InputValueTexts, DriverOptionTexts;
};

/// The language must be known before the help texts are built, and so before
/// CLI11 looks at the arguments.
Language findLanguage(std::span<const std::string> Arguments,
                      std::optional<std::string> &Unknown) {
  Language Lang = languageFromEnvironment();
  for (size_t I = 0; I < Arguments.size(); ++I) {
    std::string Text;
    if (Arguments[I].starts_with("--lang="))
      Text = Arguments[I].substr(7);
    else if (Arguments[I] == "--lang" && I + 1 < Arguments.size())
      Text = Arguments[++I];
    else
      continue;
    if (!parseLanguage(Text, Lang))
      Unknown = Text;
  }
  return Lang;
}

/// `dure help` and `dure help COMMAND`, in the words of the options.
std::vector<std::string> helpAsOption(std::span<const std::string> Arguments) {
  std::vector<std::string> Out(Arguments.begin(), Arguments.end());
  const auto Help =
      std::find_if(Out.begin(), Out.end(), [](const std::string &Argument) {
        return !Argument.starts_with('-');
      });
  if (Help == Out.end() || *Help != "help")
    return Out;
  Out.erase(Help);
  Out.push_back("--help");
  return Out;
}

/// What CLI11 found wrong, in the user's language. It puts the option's name
/// first in its texts, before a colon or a space, but for values of flags; of
/// those texts no more is used.
std::string usageText(Language Lang, const Parser &P,
                      const CLI::ParseError &Error,
                      std::span<const std::string> Arguments) {
  const bool HasCommand = !P.commandPrefix().empty();
  const std::string Kind = Error.get_name(), What = Error.what();
  const std::string Option = What.substr(0, What.find_first_of(": "));
  if (Kind == "RequiredError" && !HasCommand) {
    for (size_t I = 0; I < Arguments.size(); ++I)
      if (Arguments[I] == "--lang")
        ++I;
      else if (!Arguments[I].starts_with('-'))
        return message(Lang, Message::UsageUnknownCommand, {Arguments[I]});
    return message(Lang, Message::UsageNoCommand);
  }
  if (Kind == "RequiredError")
    return message(Lang, Message::UsageMissing, {Option});
  const bool Twice = P.occurrences(Option, Arguments) > 1;
  if (Kind == "ArgumentMismatch")
    return message(Lang, Twice ? Message::UsageTwice : Message::UsageCount,
                   {Option});
  // Values are read here, not by CLI11, but those of flags, which take none.
  if (const size_t Dash = What.find('-');
      Kind == "ConversionError" && Dash != std::string::npos)
    return message(Lang, Message::UsageNoValue,
                   {What.substr(Dash, What.find_first_of(" :=", Dash) - Dash)});
  return message(Lang, Message::UsageOther, {Option});
}

} // namespace

std::variant<Options, Finished>
parseArguments(std::span<const std::string> Given, const char *Version) {
  const std::vector<std::string> Arguments = helpAsOption(Given);
  std::optional<std::string> UnknownLanguage;
  const Language Lang = findLanguage(Arguments, UnknownLanguage);
  Parser P(Lang, Version);
  std::string Problem;
  try {
    if (UnknownLanguage)
      P.checkLanguage(*UnknownLanguage);
    return P.parse(Arguments);
  } catch (const CLI::CallForVersion &Call) {
    return Finished{0, std::string(Call.what()) + "\n", Lang};
  } catch (const CLI::CallForHelp &) {
    return Finished{0, P.help(), Lang};
  } catch (const CLI::ExtrasError &) {
    Problem = message(Lang, Message::UsageUnknown, {P.remaining(Arguments)});
  } catch (const CLI::ParseError &Error) {
    Problem = usageText(Lang, P, Error, Arguments);
  } catch (const UsageError &Error) {
    Problem = Error.Text;
  }
  const std::string Text =
      message(Lang, Message::ErrorPrefix) + Problem + "\n" +
      message(Lang, Message::UsageSeeHelp, {P.commandPrefix()}) + "\n";
  return Finished{2, escapeControls(Text, /*KeepLines=*/true), Lang};
}

} // namespace dure
