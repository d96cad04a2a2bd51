// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure check.
#include "tools/dure/Commands.h"
#include "tools/dure/DataSets.h"
#include "tools/dure/DispatchCheck.h"
#include "tools/dure/Inputs.h"
#include "tools/dure/Json.h"
#include "tools/dure/Utf8.h"

namespace dure {
namespace {

/// One output of one data set, compared.
struct Row {
  std::string Set;
  std::string Output;
  io::Tensor Got, Expected;
  io::Comparison Comparison;
  std::string Bucket; // of shapes; empty: none
};

/// The shape buckets that data sets took, where there are some.
std::string bucketsText(const Console &Out, const std::vector<Row> &Rows) {
  std::string Text, Last;
  for (const Row &R : Rows) {
    if (!R.Bucket.empty() && R.Set != Last)
      Text += Out.text(Message::CheckBucket, {R.Set, R.Bucket}) + "\n";
    Last = R.Set;
  }
  return Text;
}

std::string verdict(const Console &Out, const Row &R) {
  const auto typeName = [](const io::Tensor &T) {
    return std::string(io::elementTypeInfo(T.Type).Name);
  };
  if (!R.Comparison.SameType)
    return Out.text(Message::VerdictType,
                    {typeName(R.Got), typeName(R.Expected)});
  if (!R.Comparison.SameDims)
    return Out.text(Message::VerdictShape, {io::formatDims(R.Got.Dims),
                                            io::formatDims(R.Expected.Dims)});
  return Out.text(R.Comparison.matches() ? Message::VerdictMatch
                                         : Message::VerdictDiffer);
}

/// Outputs of a data set that nothing was expected of.
struct Uncompared {
  std::string Set;
  std::vector<std::string> Outputs;
};

std::string uncomparedText(const Console &Out,
                           const std::vector<Uncompared> &All) {
  std::string Text;
  for (const Uncompared &U : All) {
    std::string Names;
    for (const std::string &Name : U.Outputs)
      Names += (Names.empty() ? "" : ", ") + Name;
    Text += Out.text(Message::CheckUncompared, {Names, U.Set}) + "\n";
  }
  return Text;
}

std::string tableText(const Console &Out, const std::vector<Row> &Rows) {
  TextTable Table;
  Table.row({Out.text(Message::CheckSet), Out.text(Message::CheckOutput),
             Out.text(Message::CheckElements), Out.text(Message::CheckWrong),
             Out.text(Message::CheckMaxAbs), Out.text(Message::CheckMaxRel),
             Out.text(Message::CheckVerdict)});
  size_t Differ = 0;
  std::string Details;
  for (const Row &R : Rows) {
    const io::Comparison &C = R.Comparison;
    Table.row({R.Set, R.Output, std::to_string(C.Elements),
               std::to_string(C.Mismatches), formatNumber(C.MaxAbsolute),
               formatNumber(C.MaxRelative), verdict(Out, R)});
    Differ += !C.matches();
    if (C.FirstMismatch >= 0)
      Details += escapeControls(R.Set + ": " + R.Output, false) + "\n" +
                 Out.text(Message::CheckFirst,
                          {io::formatPosition(R.Got.Dims, C.FirstMismatch),
                           io::elementAsText(R.Got, C.FirstMismatch),
                           io::elementAsText(R.Expected, C.FirstMismatch)}) +
                 "\n";
  }
  const std::string Count = std::to_string(Rows.size());
  return Table.text() + Details +
         (Differ ? Out.text(Message::CheckSomeDiffer,
                            {std::to_string(Differ), Count})
                 : Out.text(Message::CheckAllMatch, {Count})) +
         "\n";
}

std::string dispatchText(const Console &Out, const DispatchReport &Report) {
  if (!Report.First)
    return Report.Compared ? Out.text(Message::DispatchSame,
                                      {std::to_string(Report.Compared),
                                       std::to_string(Report.Dispatches)}) +
                                 "\n"
                           : Out.text(Message::DispatchNone) + "\n";
  const DispatchDifference &D = *Report.First;
  std::string Nodes;
  for (const std::string &Node : D.Nodes)
    Nodes += (Nodes.empty() ? "" : ", ") + Node;
  return Out.text(Message::DispatchDiffers,
                  {std::to_string(D.Index), D.Dispatch, D.Value}) +
         "\n" + Out.text(Message::CheckFirst, {D.Position, D.Got, D.Expected}) +
         "\n" +
         (Nodes.empty() ? ""
                        : Out.text(Message::DispatchNodes, {Nodes}) + "\n") +
         Out.text(Message::DispatchDevice, {D.Device}) + "\n";
}

void writeComparison(JsonWriter &Json, const io::Comparison &C) {
  Json.member("match", C.matches())
      .member("same_type", C.SameType)
      .member("same_dims", C.SameDims)
      .member("elements", C.Elements)
      .member("mismatches", C.Mismatches)
      .member("max_absolute", C.MaxAbsolute)
      .member("max_relative", C.MaxRelative);
}

std::string jsonText(const LoadedPackage &Package, const std::vector<Row> &Rows,
                     const std::vector<Uncompared> &Skipped,
                     const std::vector<DispatchReport> &Reports, bool Match) {
  JsonWriter Json;
  Json.beginObject()
      .member("match", Match)
      .member("compile_cache", cacheUseName(Package.cacheUse()))
      .key("outputs")
      .beginArray();
  for (const Row &R : Rows) {
    Json.beginObject().member("data_set", R.Set).member("output", R.Output);
    if (!R.Bucket.empty())
      Json.member("bucket", R.Bucket);
    writeComparison(Json, R.Comparison);
    Json.end();
  }
  Json.end().key("not_compared").beginArray();
  for (const Uncompared &U : Skipped) {
    Json.beginObject().member("data_set", U.Set).key("outputs").beginArray();
    for (const std::string &Name : U.Outputs)
      Json.value(Name);
    Json.end().end();
  }
  Json.end().key("per_dispatch").beginArray();
  for (const DispatchReport &Report : Reports) {
    Json.beginObject()
        .member("dispatches", int64_t(Report.Dispatches))
        .member("compared", int64_t(Report.Compared))
        .key("first_difference");
    if (!Report.First) {
      Json.null().end();
      continue;
    }
    const DispatchDifference &D = *Report.First;
    Json.beginObject()
        .member("index", int64_t(D.Index))
        .member("dispatch", D.Dispatch)
        .member("value", D.Value)
        .member("device", D.Device)
        .member("position", D.Position)
        .member("got", D.Got)
        .member("expected", D.Expected)
        .key("nodes")
        .beginArray();
    for (const std::string &Node : D.Nodes)
      Json.value(Node);
    Json.end();
    writeComparison(Json, D.Comparison);
    Json.end().end();
  }
  return Json.end().end().text() + "\n";
}

/// Runs one data set and adds a row for each expected output.
bool checkSet(const Console &Out, const LoadedPackage &Package,
              const DataSet &Set, const std::vector<io::Tensor> &Inputs,
              const Tolerances &Allowed, std::vector<Row> &Rows) {
  CallPointer Call = Package.prepare(Out, Inputs);
  dure_run_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  if (!Call || !Package.run(Out, Call.get(), Settings))
    return false;
  dure_call_stats Stats = {};
  Stats.struct_size = sizeof(Stats);
  if (!succeeded(Out, dure_call_get_stats(Call.get(), &Stats)))
    return false;
  const std::string Bucket = Stats.bucket ? Stats.bucket : "";
  for (const auto &[Index, Expected] : Set.Expected) {
    std::optional<io::Tensor> Got = Package.output(Out, Call.get(), Index);
    if (!Got)
      return false;
    const io::Comparison C =
        io::compareTensors(*Got, Expected, Allowed.of(Expected.Type));
    Rows.push_back({Set.Name, Package.signature().Outputs[Index].Name,
                    std::move(*Got), Expected, C, Bucket});
  }
  return true;
}

} // namespace

int runCheck(const Console &Out, const Options &O) {
  if (!O.Oracle.empty())
    return runOracle(Out, O);
  if (!O.AgainstLogits.empty())
    return runLogitsCheck(Out, O);
  if (!isFolder(Out, O.Data))
    return ExitFailed;
  TemporaryCompile How;
  How.DebugValues = O.PerDispatch;
  Prepared Target = compileAndLoad(Out, O, How);
  if (!Target.Package)
    return Target.Exit;
  const Signature &Model = Target.Package->signature();
  std::optional<std::vector<DataSet>> Sets =
      readDataSets(Out, O.Data, O.Against, Model);
  if (!Sets)
    return ExitFailed;
  Prepared Reference;
  if (O.PerDispatch) {
    How.Target = "reference";
    Reference = compileAndLoad(Out, O, How);
    if (!Reference.Package)
      return Reference.Exit;
  }

  const Tolerances Allowed{O.Atol, O.Rtol};
  std::vector<Row> Rows;
  std::vector<Uncompared> Skipped;
  std::vector<DispatchReport> Reports;
  for (DataSet &Set : *Sets) {
    if (Set.Expected.empty() && !O.PerDispatch)
      return Out.fail(Message::CheckNoExpected, {O.Data + "/" + Set.Name});
    std::optional<std::vector<io::Tensor>> Inputs =
        arrangeInputs(Out, O.Path, Model, std::move(Set.Inputs));
    if (!Inputs || !checkSet(Out, *Target.Package, Set, *Inputs, Allowed, Rows))
      return ExitFailed;
    if (Uncompared U{Set.Name, Set.withoutExpected(Model)}; !U.Outputs.empty())
      Skipped.push_back(std::move(U));
    if (!O.PerDispatch)
      continue;
    std::optional<DispatchReport> Report = compareDispatches(
        Out, *Target.Package, *Reference.Package, *Inputs, Allowed);
    if (!Report)
      return ExitFailed;
    Reports.push_back(std::move(*Report));
  }

  bool Match = true;
  std::string Text = Rows.empty()
                         ? ""
                         : tableText(Out, Rows) + bucketsText(Out, Rows) +
                               uncomparedText(Out, Skipped);
  for (const Row &R : Rows)
    Match &= R.Comparison.matches();
  for (const DispatchReport &Report : Reports) {
    // To have compared nothing is no success.
    Match &= !Report.First && Report.Compared > 0;
    Text += dispatchText(Out, Report);
  }
  if (!(O.Json ? Out.printJson(
                     jsonText(*Target.Package, Rows, Skipped, Reports, Match))
               : Out.print(Text)))
    return ExitFailed;
  return Match ? ExitOk : ExitFailed;
}

} // namespace dure
