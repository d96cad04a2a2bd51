// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reports of a compilation as JSON for programs and as text for people.
#include "compiler/Compilation.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace dure;
namespace json = llvm::json;

static const char *statusName(Outcome Result) {
  switch (Result) {
  case Outcome::Ok:
    return "ok";
  case Outcome::Refused:
    return "refused";
  case Outcome::Failed:
    return "failed";
  case Outcome::Cancelled:
    return "cancelled";
  case Outcome::InvalidRequest:
    return "invalid-request";
  }
  return "failed";
}

/// JSON strings must be UTF-8; names come from files.
static std::string clean(const std::string &Text) {
  return json::isUTF8(Text) ? Text : json::fixUTF8(Text);
}

static json::Array strings(const std::vector<std::string> &Values) {
  json::Array Out;
  for (const std::string &Each : Values)
    Out.push_back(clean(Each));
  return Out;
}

static json::Array tensors(const std::vector<TensorReport> &Values) {
  json::Array Out;
  for (const TensorReport &Each : Values)
    Out.push_back(json::Object{{"name", clean(Each.Name)},
                               {"type", Each.Type},
                               {"dims", strings(Each.Dims)}});
  return Out;
}

/// The number, or the expression of one that depends on dimensions.
static json::Value size(const SizeReport &Given) {
  if (Given.Value)
    return *Given.Value;
  return clean(Given.Expression);
}

static void addExplanation(const CompilationReport &Report, json::Object &Out) {
  json::Array Opsets, Ops, Nodes;
  for (auto &[Domain, Version] : Report.Opsets)
    Opsets.push_back(
        json::Object{{"domain", clean(Domain)}, {"version", Version}});
  for (auto &[Op, Count] : Report.Ops)
    Ops.push_back(json::Object{{"op", Op}, {"count", Count}});
  uint64_t Fallback = 0;
  for (const NodeReport &Each : Report.Nodes) {
    Fallback += !Each.Reason.empty() && !Each.Target.empty();
    Nodes.push_back(json::Object{{"name", clean(Each.Name)},
                                 {"op", Each.Op},
                                 {"target", Each.Target},
                                 {"placed", Each.Reason.empty()   ? "target"
                                            : Each.Target.empty() ? "refused"
                                                                  : "host"},
                                 {"reason", clean(Each.Reason)},
                                 {"sources", strings(Each.Sources)}});
  }
  Out["opsets"] = std::move(Opsets);
  Out["inputs"] = tensors(Report.Inputs);
  Out["outputs"] = tensors(Report.Outputs);
  Out["ops"] = std::move(Ops);
  Out["nodes"] = std::move(Nodes);
  Out["fallback_ops"] = Fallback;
  json::Object Memory;
  if (Report.WeightBytes)
    Memory["weights"] = *Report.WeightBytes;
  if (Report.InputBytes)
    Memory["inputs"] = size(*Report.InputBytes);
  if (Report.ResultBytes)
    Memory["outputs"] = size(*Report.ResultBytes);
  if (!Report.Targets.empty() && Report.Targets.front().Transient)
    Memory["transient"] = size(*Report.Targets.front().Transient);
  Out["memory"] = std::move(Memory);
  if (Report.Flops && Report.Flops->Value)
    Out["flops"] = *Report.Flops->Value;
}

static json::Object target(const TargetReport &Given) {
  json::Array Fallen;
  for (const FallenReport &Each : Given.Fallen)
    Fallen.push_back(json::Object{{"code", Each.Code},
                                  {"reason", clean(Each.Reason)},
                                  {"ops", Each.Ops},
                                  {"kinds", strings(Each.Kinds)}});
  json::Object Out{{"name", Given.Name}, {"variants", strings(Given.Variants)}};
  if (!Given.Fallback.empty()) {
    Out["fallback"] = Given.Fallback;
    Out["fallback_reasons"] = std::move(Fallen);
    Out["fallback_dispatches"] = Given.FallbackDispatches;
    Out["transfers"] = Given.Copies;
  }
  if (Given.FallbackOps)
    Out["fallback_ops"] = *Given.FallbackOps;
  if (Given.Dispatches)
    Out["dispatches"] = *Given.Dispatches;
  if (Given.Functions)
    Out["functions"] = *Given.Functions;
  if (Given.Transient)
    Out["transient"] = size(*Given.Transient);
  if (Given.Seconds)
    Out["estimated_s"] = *Given.Seconds;
  if (!Given.Buckets.empty())
    Out["buckets"] = strings(Given.Buckets);
  if (Given.Bucket)
    Out["bucket"] = *Given.Bucket;
  json::Array Notes;
  for (const NoteReport &Each : Given.Notes)
    Notes.push_back(json::Object{{"dispatch", Each.Dispatch},
                                 {"node", clean(Each.Node)},
                                 {"op", Each.Op},
                                 {"text", clean(Each.Text)}});
  if (!Notes.empty())
    Out["notes"] = std::move(Notes);
  return Out;
}

static json::Array kernels(const std::vector<KernelReport> &Given) {
  json::Array Out;
  for (const KernelReport &Each : Given) {
    json::Object Kernel{{"name", clean(Each.Name)},
                        {"target", Each.Target},
                        {"ops", strings(Each.Ops)}};
    if (Each.Text.empty()) {
      Kernel["code"] = Each.Code;
      Kernel["reason"] = clean(Each.Reason);
      Kernel["remedy"] = clean(Each.Remedy);
    } else {
      Kernel["text"] = clean(Each.Text);
    }
    if (Each.Cycles)
      Kernel["cycles"] = *Each.Cycles;
    Out.push_back(std::move(Kernel));
  }
  return Out;
}

std::string dure::reportToJson(const CompilationReport &Report, bool Explain) {
  json::Object Out{{"status", statusName(Report.Result)},
                   {"message", clean(Report.Message)},
                   {"model", clean(Report.Model)}};
  json::Array Refusals;
  for (const RefusalReport &Each : Report.Refusals)
    Refusals.push_back(json::Object{{"node", clean(Each.Node)},
                                    {"op", clean(Each.Op)},
                                    {"domain", clean(Each.Domain)},
                                    {"opset", Each.Opset},
                                    {"code", Each.Code},
                                    {"reason", clean(Each.Reason)},
                                    {"remedy", clean(Each.Remedy)}});
  Out["refusals"] = std::move(Refusals);
  json::Array Targets, Phases;
  for (const TargetReport &Each : Report.Targets)
    Targets.push_back(target(Each));
  for (auto &[Name, Seconds] : Report.PhaseSeconds)
    Phases.push_back(json::Object{{"name", Name}, {"seconds", Seconds}});
  Out["targets"] = std::move(Targets);
  Out["phases"] = std::move(Phases);
  if (Report.Parameters)
    Out["parameters"] = *Report.Parameters;
  if (Report.WeightBytes)
    Out["weight_bytes"] = *Report.WeightBytes;
  if (Explain) {
    addExplanation(Report, Out);
  } else {
    Out["files"] = strings(Report.Files);
    Out["output"] = clean(Report.Output);
    if (Report.OutputBytes)
      Out["output_bytes"] = *Report.OutputBytes;
    if (Report.PeakTransient)
      Out["peak_transient"] = size(*Report.PeakTransient);
    if (!Report.TextForm.empty())
      Out["kernels"] = kernels(Report.Kernels);
  }
  std::string Text;
  llvm::raw_string_ostream(Text) << json::Value(std::move(Out));
  return Text;
}

/// "22.7 million" reads better than eight digits.
static void writeCount(llvm::raw_ostream &Out, uint64_t Count) {
  if (Count >= 1000000)
    Out << llvm::format("%.1f M", double(Count) / 1e6);
  else
    Out << Count;
}

/// "1.5 MB", or the expression when a dimension is not known.
static std::string bytesText(const SizeReport &Size) {
  std::string Text;
  llvm::raw_string_ostream Out(Text);
  if (!Size.Value)
    Out << Size.Expression << " B";
  else if (*Size.Value < 1000000)
    Out << *Size.Value << " B";
  else
    Out << llvm::format("%.1f MB", double(*Size.Value) / 1e6);
  return Text;
}

/// What runs on the host rather than on the target, by reason.
static void fallenAsText(const TargetReport &Given, bool Korean,
                         llvm::raw_ostream &Out) {
  if (!Given.FallbackOps || *Given.FallbackOps == 0)
    return;
  if (Korean)
    Out << "호스트     연산 " << *Given.FallbackOps << "개를 " << Given.Name
        << " 대신 " << Given.Fallback << "에서 실행, 장치 간 복사 "
        << Given.Copies << "곳\n";
  else
    Out << "host    " << *Given.FallbackOps
        << (*Given.FallbackOps == 1 ? " op runs on " : " ops run on ")
        << Given.Fallback << " rather than on " << Given.Name << ", with "
        << Given.Copies << (Given.Copies == 1 ? " copy" : " copies")
        << " between devices\n";
  for (const FallenReport &Each : Given.Fallen)
    Out << (Korean ? "           " : "        ") << Each.Ops
        << (Korean ? "개 " : " x ") << llvm::join(Each.Kinds, ", ") << ": "
        << Each.Reason << " [" << Each.Code << "]\n";
}

/// What a target says of its dispatches.
static void notesAsText(const TargetReport &Given, bool Korean,
                        llvm::raw_ostream &Out) {
  for (const NoteReport &Each : Given.Notes) {
    if (Each.Op.empty())
      Out << (Korean ? "디스패치   " : "dispatch ") << Each.Dispatch << " ("
          << Given.Name << "): ";
    else
      Out << "  " << Each.Node << " (" << Each.Op << "): ";
    Out << Each.Text << "\n";
  }
}

static void explainMemory(const CompilationReport &Report, bool Korean,
                          llvm::raw_ostream &Out) {
  if (Report.InputBytes && Report.ResultBytes)
    Out << (Korean ? "메모리     입력 " : "memory  inputs ")
        << bytesText(*Report.InputBytes) << (Korean ? ", 출력 " : ", outputs ")
        << bytesText(*Report.ResultBytes) << "\n";
  for (const TargetReport &Each : Report.Targets) {
    if (Each.Transient)
      Out << (Korean ? "메모리     중간값 최대 "
                     : "memory  between dispatches at most ")
          << bytesText(*Each.Transient) << " (" << Each.Name << ", "
          << (Korean ? "디스패치 " : "") << *Each.Dispatches
          << (Korean ? "개)\n" : " dispatches)\n");
    if (Each.Seconds)
      Out << (Korean ? "예상 시간  " : "estimate  ")
          << llvm::format("%.6f s (", *Each.Seconds) << Each.Name << ")\n";
    for (const std::string &Bucket : Each.Buckets)
      Out << (Korean ? "형상 버킷  " : "bucket  ") << Bucket << " ("
          << Each.Name
          << (Each.Bucket == Bucket ? (Korean ? ", 선택됨" : ", chosen") : "")
          << ")\n";
  }
  if (Report.Flops && Report.Flops->Value) {
    Out << (Korean ? "연산량     " : "work    ");
    writeCount(Out, *Report.Flops->Value);
    Out << " flop\n";
  }
}

static void explainAsText(const CompilationReport &Report, bool Korean,
                          llvm::raw_ostream &Out) {
  for (const TensorReport &Each : Report.Inputs)
    Out << (Korean ? "입력       " : "input   ") << Each.Name << " "
        << Each.Type << "[" << llvm::join(Each.Dims, ", ") << "]\n";
  for (const TensorReport &Each : Report.Outputs)
    Out << (Korean ? "출력       " : "output  ") << Each.Name << " "
        << Each.Type << "[" << llvm::join(Each.Dims, ", ") << "]\n";
  Out << (Korean ? "연산 (raise 단계 이후)\n" : "ops after raise\n");
  for (auto &[Op, Count] : Report.Ops)
    Out << llvm::format("  %6llu  ", (unsigned long long)Count) << Op << "\n";
  std::map<std::string, uint64_t> Where;
  for (const NodeReport &Each : Report.Nodes)
    if (!Each.Target.empty())
      ++Where[Each.Target];
  for (auto &[Target, Count] : Where)
    Out << (Korean ? "실행 위치  연산 " : "placed  ") << Count
        << (Korean ? "개 → " : " ops on ") << Target << "\n";
  for (const NodeReport &Each : Report.Nodes)
    if (!Each.Reason.empty())
      Out << "  " << Each.Name << " (" << Each.Op << ") → "
          << (Each.Target.empty() ? (Korean ? "실행할 수 없음" : "nowhere")
              : Korean            ? "호스트 (" + Each.Target + ")"
                                  : "the host (" + Each.Target + ")")
          << ": " << Each.Reason << "\n";
  for (const TargetReport &Each : Report.Targets)
    fallenAsText(Each, Korean, Out);
  for (const TargetReport &Each : Report.Targets)
    notesAsText(Each, Korean, Out);
  explainMemory(Report, Korean, Out);
}

/// How many kernels have a text, and why the others have none.
static void kernelsAsText(const CompilationReport &Report, bool Korean,
                          llvm::raw_ostream &Out) {
  if (Report.TextForm.empty())
    return;
  size_t Written = llvm::count_if(Report.Kernels, [](const KernelReport &Each) {
    return !Each.Text.empty();
  });
  size_t Rest = Report.Kernels.size() - Written;
  if (Korean)
    Out << "커널       " << Report.TextForm << " 형식 " << Written
        << "개, 쓸 수 없는 것 " << Rest << "개\n";
  else
    Out << "kernels " << Written << " in " << Report.TextForm << ", " << Rest
        << " without\n";
  for (const KernelReport &Each : Report.Kernels)
    if (Each.Text.empty())
      Out << (Korean ? "           " : "        ") << Each.Name << ": "
          << Each.Reason << " [" << Each.Code << "]\n";
}

std::string dure::reportToText(const CompilationReport &Report, bool Explain,
                               bool Korean) {
  std::string Text;
  llvm::raw_string_ostream Out(Text);
  if (Report.Parameters) {
    Out << (Korean ? "가중치     매개변수 " : "weights ");
    writeCount(Out, *Report.Parameters);
    Out << (Korean ? "개, " : " parameters, ");
    Out << llvm::format("%.1f MB", double(*Report.WeightBytes) / 1e6)
        << (Korean ? " (파일 기준)\n" : " in the model's files\n");
  }
  if (Explain) {
    explainAsText(Report, Korean, Out);
    return Text;
  }
  for (const TargetReport &Each : Report.Targets) {
    Out << (Korean ? "대상       " : "target  ") << Each.Name << " ("
        << llvm::join(Each.Variants, ", ") << "): ";
    Out << (Korean ? "디스패치 " : "") << Each.Dispatches.value_or(0)
        << (Korean ? "개, 함수 " : " dispatches of ")
        << Each.Functions.value_or(0) << (Korean ? "개" : " functions");
    if (Each.FallbackDispatches)
      Out << (Korean ? ", 그중 디스패치 " : ", ") << Each.FallbackDispatches
          << (Korean ? "개는 호스트에서 실행"
                     : " of the dispatches on the host");
    Out << "\n";
    fallenAsText(Each, Korean, Out);
  }
  kernelsAsText(Report, Korean, Out);
  double Total = 0;
  for (auto &[Name, Seconds] : Report.PhaseSeconds)
    Total += Seconds;
  Out << (Korean ? "시간       " : "time    ") << llvm::format("%.2f s", Total);
  const char *Separator = ": ";
  for (auto &[Name, Seconds] : Report.PhaseSeconds) {
    Out << Separator << Name << llvm::format(" %.2f", Seconds);
    Separator = ", ";
  }
  Out << "\n";
  return Text;
}
