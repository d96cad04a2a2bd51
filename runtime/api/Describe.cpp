// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Everything that a package says, as JSON: what `dure inspect` shows.

#include "runtime/api/Handles.h"
#include "runtime/api/ProgramText.h"
#include "runtime/api/Requirements.h"

#include <cmath>

using namespace dure;

namespace {

/// "[a,b]" of what SHOW makes of each element.
template <typename T, typename Function>
std::string array(const std::vector<T> &Elements, Function Show) {
  std::string Json = "[";
  for (size_t I = 0; I != Elements.size(); ++I)
    Json += (I ? "," : "") + Show(Elements[I]);
  return Json + "]";
}

std::string strings(const std::vector<std::string> &Texts) {
  return array(Texts, [](const std::string &Text) { return jsonString(Text); });
}

template <typename T> std::string numbers(const std::vector<T> &Numbers) {
  return array(Numbers, [](T Number) { return std::to_string(Number); });
}

std::string member(const char *Key, const std::string &Value) {
  return std::string(",\"") + Key + "\":" + Value;
}
std::string member(const char *Key, uint64_t Value) {
  return member(Key, std::to_string(Value));
}

std::string named(const std::string &Name) {
  return "{\"name\":" + jsonString(Name);
}

std::string hex(const Sha256 &Hash) {
  static constexpr char Digits[] = "0123456789abcdef";
  std::string Text = "\"";
  for (uint8_t Byte : Hash) {
    Text += Digits[Byte >> 4];
    Text += Digits[Byte & 15];
  }
  return Text + "\"";
}

std::string tensor(const TensorInfo &Tensor) {
  return named(Tensor.Name) +
         member("type", jsonString(elementName(Tensor.Type))) +
         member("dims", array(Tensor.Dims,
                              [](const SignatureDim &Dim) {
                                return Dim.Value >= 0
                                           ? std::to_string(Dim.Value)
                                           : jsonString(Dim.Expression);
                              })) +
         "}";
}

std::string state(const StateInfo &State) {
  auto Dim = [](const StateDim &D) {
    return D.Axis == StateAxis::Batch      ? std::string("\"batch\"")
           : D.Axis == StateAxis::Capacity ? std::string("\"capacity\"")
           : D.Axis == StateAxis::Window
               ? "\"min(" + std::to_string(D.Value) + ", capacity)\""
               : std::to_string(D.Value);
  };
  return named(State.Name) +
         member("type", jsonString(elementName(State.Type))) +
         member("dims", array(State.Dims, Dim)) + "}";
}

std::string entry(const Entry &E) {
  return named(E.Name) + member("inputs", array(E.Inputs, tensor)) +
         member("outputs", array(E.Outputs, tensor)) +
         member("states", array(E.States, state)) + "}";
}

/// A number that JSON has, else its name.
std::string real(double Value) {
  if (!std::isfinite(Value))
    return std::isnan(Value) ? "\"nan\"" : Value < 0 ? "\"-inf\"" : "\"inf\"";
  char Text[32];
  std::snprintf(Text, sizeof(Text), "%.17g", Value);
  return Text;
}

std::string step(const Package &P, const Step &S) {
  std::string Json = "{\"kind\":" + jsonString(stepName(S.Kind));
  if (!S.Ints.empty())
    Json += member("ints", numbers(S.Ints));
  if (usesOperand(S.Kind))
    Json += member("operand", std::to_string(S.Operand)) +
            member("operand_name", jsonString(P.Weights[S.Operand].Name));
  if (S.Kind == StepKind::Cast)
    Json += member("type", jsonString(elementName(S.Type)));
  if (S.Kind == StepKind::Pad)
    Json += member("value", real(S.Value));
  return Json + "}";
}

std::string weight(const Package &P, const Weight &W) {
  std::string Json =
      named(W.Name) + member("type", jsonString(elementName(W.Type))) +
      member("shape", numbers(W.Shape)) + member("bytes", W.Size) +
      member("offset", W.Offset) + member("leaves", array(W.Leaves, hex));
  if (!W.PackKey.empty())
    Json += member("pack_key", jsonString(W.PackKey));
  switch (W.Source) {
  case WeightSource::Package:
    return Json + member("source", "\"package\"") + "}";
  case WeightSource::File:
    return Json + member("source", "\"file\"") +
           member("file", jsonString(P.Files[W.File].Path)) +
           member("stored_type", jsonString(elementName(W.StoredType))) +
           member("stored_shape", numbers(W.StoredShape)) +
           member("steps",
                  array(W.Steps, [&](const Step &S) { return step(P, S); })) +
           "}";
  default:
    return Json + member("source", "\"none\"") + "}";
  }
}

struct Counts {
  uint64_t Instructions = 0;
  uint64_t Dispatches = 0;
  uint64_t Barriers = 0;
};

Counts count(const Program &P) {
  Counts Sum;
  for (const Block &B : P.Blocks)
    for (const Instruction &I : B.Instructions) {
      ++Sum.Instructions;
      Sum.Dispatches += std::holds_alternative<DispatchOp>(I);
      Sum.Barriers += std::holds_alternative<BarrierOp>(I);
    }
  return Sum;
}

std::string traceRow(const TraceInfo &Row) {
  auto Value = [](const TraceValue &V) {
    return named(V.Name) + member("binding", V.Binding) +
           member("type", jsonString(elementName(V.Type))) +
           member("dims", array(V.Dims,
                                [](ScalarReg Reg) {
                                  return jsonString("r" + std::to_string(Reg));
                                })) +
           "}";
  };
  std::string Json = named(Row.Name) + member("nodes", strings(Row.Nodes)) +
                     member("values", array(Row.Values, Value));
  if (Row.Flops >= 0)
    Json += member("flops", jsonString("r" + std::to_string(Row.Flops)));
  if (Row.Bytes >= 0)
    Json += member("bytes", jsonString("r" + std::to_string(Row.Bytes)));
  return Json + "}";
}

std::string program(const Package &P, const Variant &V, const Program &Prog) {
  // Each block with its number, by which others name it.
  std::string Blocks;
  for (size_t I = 0; I != Prog.Blocks.size(); ++I)
    Blocks += (I ? ",{\"block\":" : "{\"block\":") + std::to_string(I) +
              member("instructions",
                     array(Prog.Blocks[I].Instructions,
                           [&](const Instruction &Op) {
                             return jsonString(instructionText(P, V, Prog, Op));
                           })) +
              "}";
  Counts Sum = count(Prog);
  return "{\"entry\":" + jsonString(P.Entries[Prog.Entry].Name) +
         member("instructions", Sum.Instructions) +
         member("dispatches", Sum.Dispatches) +
         member("barriers", Sum.Barriers) +
         member("scalar_registers", Prog.ScalarRegisters) +
         member("buffer_registers", Prog.BufferRegisters) +
         member("size_requirements",
                array(sizeRequirements(P, Prog),
                      [](const SizeRequirement &R) {
                        return "{\"left\":" + jsonString(R.Left) +
                               member("relation", jsonString(R.Relation)) +
                               member("right", jsonString(R.Right)) + "}";
                      })) +
         member("blocks", "[" + Blocks + "]") +
         member("trace_block", std::to_string(Prog.TraceBlock)) +
         member("trace", array(Prog.Trace, traceRow)) + "}";
}

std::string variant(const Package &P, const Variant &V) {
  auto Code = [](const CodeObject &C) {
    return "{\"format\":" + jsonString(C.Format) + member("offset", C.Offset) +
           member("bytes", C.Size) + member("sha256", hex(C.Hash)) +
           member("device", C.Device) +
           member("exports", array(C.Exports,
                                   [](const Export &E) {
                                     return named(E.Name) +
                                            member("bindings", E.Bindings) +
                                            member("constants", E.Constants) +
                                            "}";
                                   })) +
           "}";
  };
  auto Device = [](const VariantDevice &D) {
    return "{\"target\":" + jsonString(D.Target) +
           member("driver", jsonString(D.Driver)) +
           member("compatibility", jsonString(D.Compatibility)) +
           member("features", strings(D.Features)) +
           member("pack_key", jsonString(D.PackKey)) + "}";
  };
  return named(V.Name) + member("target", jsonString(V.Target)) +
         member("driver", jsonString(V.Driver)) +
         member("compatibility", jsonString(V.Compatibility)) +
         member("features", strings(V.Features)) +
         member("pack_key", jsonString(V.PackKey)) +
         member("devices", array(V.Devices, Device)) +
         member("weights", numbers(V.Weights)) +
         member("code_objects", array(V.CodeObjects, Code)) +
         member("programs", array(V.Programs,
                                  [&](const Program &Prog) {
                                    return program(P, V, Prog);
                                  })) +
         "}";
}

/// Where the parts of the file are.
std::string parts(const ContainerHeader &H) {
  auto Part = [](uint64_t Offset, uint64_t Size) {
    return "{\"offset\":" + std::to_string(Offset) + member("bytes", Size) +
           "}";
  };
  return "{\"container_version\":" + std::to_string(ContainerVersion) +
         member("code", Part(H.CodeOffset, H.CodeSize)) +
         member("weights", Part(H.WeightsOffset, H.WeightsSize)) +
         member("metadata", Part(H.MetadataOffset, H.MetadataSize)) +
         member("metadata_sha256", hex(H.MetadataHash)) + "}";
}

} // namespace

std::string dure::describePackage(const LoadedPackage &Loaded) {
  const Package &P = Loaded.content();
  auto Symbols = array(P.Symbols, [](const Symbol &S) {
    return named(S.Name) + member("min", std::to_string(S.Min)) +
           member("max", std::to_string(S.Max)) +
           member("multiple", std::to_string(S.Multiple)) + "}";
  });
  auto Files = array(P.Files, [](const ModelFile &File) {
    return "{\"path\":" + jsonString(File.Path) + member("bytes", File.Size) +
           "}";
  });
  auto Assets = array(P.Assets, [](const Asset &A) {
    return named(A.Name) + member("bytes", A.Bytes.size()) + "}";
  });
  return "{\"path\":" + jsonString(Loaded.path()) +
         member("bytes", Loaded.bytes().size()) +
         member("parts", parts(Loaded.image().Header)) +
         member("format_version", P.FormatVersion) +
         member("min_runtime", P.MinRuntime) +
         member("required_features", P.RequiredFeatures) +
         member("producer", jsonString(P.Producer)) +
         member("model_name", jsonString(P.ModelName)) +
         member("symbols", Symbols) + member("files", Files) +
         member("assets", Assets) + member("entries", array(P.Entries, entry)) +
         member("variants",
                array(P.Variants,
                      [&](const Variant &V) { return variant(P, V); })) +
         member(
             "weights",
             array(P.Weights, [&](const Weight &W) { return weight(P, W); })) +
         "}";
}
