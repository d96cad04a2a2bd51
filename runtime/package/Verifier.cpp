// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Semantic checks of everything but host programs.

#include "runtime/package/Verifier.h"

#include "runtime/base/Checked.h"
#include "runtime/io/SafeFile.h"
#include "runtime/weights/Recipe.h"

#include <algorithm>
#include <set>
#include <string_view>

using namespace dure;

namespace {

constexpr size_t MaxRank = 32;
// A recipe with its operands' recipes; far above what models need.
constexpr uint64_t MaxRecipeNodes = 512;
constexpr uint64_t MaxRecipeDepth = 64;
constexpr size_t MaxDevices = 16;

Status checkName(std::string_view Name, const char *What,
                 std::set<std::string_view> &Seen) {
  if (Name.empty())
    return invalidArgument(std::string(What) + " without a name");
  if (Name.find('\0') != std::string_view::npos)
    return invalidArgument(std::string(What) + " has a NUL in its name");
  if (!Seen.insert(Name).second)
    return invalidArgument(std::string(What) + " '" + std::string(Name) +
                           "' is there twice");
  return Status::success();
}

Status checkText(std::string_view Text, const char *What) {
  return Text.find('\0') == std::string_view::npos
             ? Status::success()
             : invalidArgument(std::string(What) + " holds a NUL");
}

class PackageVerifier {
public:
  PackageVerifier(const Package &P, const PackageBounds &Bounds)
      : P(P), Bounds(Bounds) {}

  Status run() {
    DURE_RETURN_IF_ERROR(verifyVersions());
    DURE_RETURN_IF_ERROR(verifySymbols());
    DURE_RETURN_IF_ERROR(verifyFiles());
    DURE_RETURN_IF_ERROR(verifyAssets());
    DURE_RETURN_IF_ERROR(verifyWeights());
    DURE_RETURN_IF_ERROR(verifyEntries());
    return verifyVariants();
  }

private:
  Status verifyVersions() {
    if (P.MinRuntime > PackageFormatVersion)
      return Status(StatusCode::Incompatible,
                    "the package needs a runtime that knows format " +
                        std::to_string(P.MinRuntime) + ", this one knows " +
                        std::to_string(PackageFormatVersion) +
                        "; use a newer Dure");
    if (uint64_t Unknown = P.RequiredFeatures & ~KnownPackageFeatures)
      return Status(StatusCode::Incompatible,
                    "the package needs features that this runtime does not "
                    "know (bits " +
                        std::to_string(Unknown) + "); use a newer Dure");
    DURE_RETURN_IF_ERROR(checkText(P.Producer, "producer"));
    return checkText(P.ModelName, "model name");
  }

  Status verifySymbols() {
    std::set<std::string_view> Names;
    for (const Symbol &S : P.Symbols) {
      DURE_RETURN_IF_ERROR(checkName(S.Name, "symbol", Names));
      if (S.Min < 0 || S.Max < S.Min || S.Multiple < 1)
        return invalidArgument("symbol '" + S.Name +
                               "' has an empty range or no multiple");
    }
    return Status::success();
  }

  Status verifyFiles() {
    for (const ModelFile &File : P.Files)
      DURE_RETURN_IF_ERROR(checkRelativeName(File.Path).at("model file"));
    return Status::success();
  }

  Status verifyAssets() {
    std::set<std::string_view> Names;
    uint64_t Sum = 0;
    for (const Asset &A : P.Assets) {
      DURE_RETURN_IF_ERROR(checkName(A.Name, "carried file", Names));
      DURE_RETURN_IF_ERROR(checkRelativeName(A.Name).at("carried file"));
      Sum += A.Bytes.size();
    }
    if (P.Assets.size() > MaxAssets || Sum > MaxAssetBytes)
      return invalidArgument("the package carries more than " +
                             std::to_string(MaxAssets) + " files, or " +
                             std::to_string(MaxAssetBytes) + " bytes of them");
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Weights
  //===--------------------------------------------------------------------===//

  Status verifyWeights() {
    std::set<std::string_view> Names;
    for (uint32_t I = 0; I != P.Weights.size(); ++I) {
      const Weight &W = P.Weights[I];
      // Packed copies of one weight share its name, not its key.
      DURE_RETURN_IF_ERROR(checkText(W.Name, "weight name"));
      DURE_RETURN_IF_ERROR(checkText(W.PackKey, "pack key"));
      DURE_RETURN_IF_ERROR(verifyWeight(W, I).at("weight '" + W.Name + "'"));
    }
    return Status::success();
  }

  Status verifyWeight(const Weight &W, uint32_t Index) {
    uint64_t Count = 0, Bytes = 0;
    if (elementBits(W.Type) == 0 || W.Shape.size() > MaxRank ||
        !elementCount(W.Shape, Count) || !elementBytes(W.Type, Count, Bytes))
      return invalidArgument("its type or shape is not valid");
    // Later recipes look at this one's cost even if it has none.
    Costs.push_back({1, 1});
    switch (W.Source) {
    case WeightSource::None:
      return Bounds.BeforeWriting ? Status::success() : verifyNoRecipe(W);
    case WeightSource::Package:
      return verifyStored(W, Bytes);
    case WeightSource::File:
      return verifyFileWeight(W, Index);
    case WeightSource::Inline:
      if (!Bounds.BeforeWriting || !W.Inline)
        break;
      return verifyRecipe(W, Index, W.Inline->size());
    }
    return Status(StatusCode::Incompatible,
                  "weight source " +
                      std::to_string(static_cast<int>(W.Source)) +
                      " is not known to this version of Dure");
  }

  Status verifyStored(const Weight &W, uint64_t Bytes) {
    if (Bounds.BeforeWriting)
      return invalidArgument("bytes to be stored come from a file or memory");
    if (W.Size != Bytes || W.Offset % PackageAlignment != 0 ||
        !rangeFits(W.Offset, W.Size, Bounds.WeightsSize))
      return dataLoss("its range is not in the package");
    DURE_RETURN_IF_ERROR(verifyNoRecipe(W));
    return verifyLeaves(W);
  }

  /// What is not read from a model's file is ready to use: a recipe there
  /// would be evaluated without ever having been checked.
  static Status verifyNoRecipe(const Weight &W) {
    return W.Steps.empty() && W.File == -1 && W.StoredShape.empty() &&
                   W.StoredType == ElementType::None
               ? Status::success()
               : invalidArgument("it is in no file and has a recipe");
  }

  static Status verifyLeaves(const Weight &W) {
    return W.Leaves.size() == W.Size / LeafSize + (W.Size % LeafSize != 0)
               ? Status::success()
               : dataLoss("it has a wrong number of hashes");
  }

  Status verifyFileWeight(const Weight &W, uint32_t Index) {
    if (W.File < 0 || static_cast<size_t>(W.File) >= P.Files.size())
      return invalidArgument("it is in no file");
    if (!rangeFits(W.Offset, W.Size, P.Files[W.File].Size))
      return invalidArgument("its range is not in the file '" +
                             P.Files[W.File].Path + "'");
    if (!Bounds.BeforeWriting)
      DURE_RETURN_IF_ERROR(verifyLeaves(W));
    return verifyRecipe(W, Index, W.Size);
  }

  Status verifyRecipe(const Weight &W, uint32_t Index, uint64_t StoredSize) {
    uint64_t Count = 0, Bytes = 0;
    if (elementBits(W.StoredType) == 0 || W.StoredShape.size() > MaxRank ||
        !elementCount(W.StoredShape, Count) ||
        !elementBytes(W.StoredType, Count, Bytes) || Bytes != StoredSize)
      return invalidArgument("its stored size is not that of its stored type "
                             "and shape");
    Result<TypedShape> Value =
        inferSteps({W.StoredType, W.StoredShape}, W.Steps, P.Weights, Index);
    if (!Value)
      return Value.status();
    if (Value->Type != W.Type || Value->Shape != W.Shape)
      return invalidArgument("its recipe gives another type or shape");
    // Operands bring their own recipes: bound what evaluation costs.
    Cost Total = {1, 1};
    for (const Step &S : W.Steps) {
      bool Uses = usesOperand(S.Kind);
      Cost Operand = Uses ? Costs[S.Operand] : Cost{0, 0};
      if (Uses && !Bounds.BeforeWriting &&
          P.Weights[S.Operand].Source == WeightSource::None)
        return invalidArgument("an operand of its recipe is not stored");
      Total.Nodes += 1 + Operand.Nodes;
      Total.Depth = std::max(Total.Depth, Operand.Depth) + 1;
      if (Total.Nodes > MaxRecipeNodes || Total.Depth > MaxRecipeDepth)
        return invalidArgument("its recipe is too long");
    }
    Costs.back() = Total;
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Entries
  //===--------------------------------------------------------------------===//

  Status verifyTensor(const TensorInfo &Tensor) {
    if (elementBits(Tensor.Type) == 0 || Tensor.Dims.size() > MaxRank)
      return invalidArgument("'" + Tensor.Name + "' has no valid type or rank");
    std::vector<int64_t> Known;
    for (const SignatureDim &Dim : Tensor.Dims) {
      bool Static = Dim.Value >= 0;
      if (Dim.Value < -1 || Static == !Dim.Expression.empty())
        return invalidArgument("'" + Tensor.Name +
                               "' has a dim that is "
                               "neither a number nor an expression");
      DURE_RETURN_IF_ERROR(checkText(Dim.Expression, "dim expression"));
      if (Static)
        Known.push_back(Dim.Value);
    }
    uint64_t Count = 0, Bytes = 0;
    if (!elementCount(Known, Count) || !elementBytes(Tensor.Type, Count, Bytes))
      return invalidArgument("'" + Tensor.Name + "' is too large");
    return Status::success();
  }

  Status verifyState(const StateInfo &State) {
    if (elementBits(State.Type) < 8 || State.Dims.size() > MaxRank)
      return invalidArgument("state '" + State.Name +
                             "' has no valid type or rank");
    std::vector<int64_t> Known;
    unsigned Batches = 0, Capacities = 0;
    for (const StateDim &Dim : State.Dims) {
      switch (Dim.Axis) {
      case StateAxis::Fixed:
        Known.push_back(Dim.Value);
        continue;
      case StateAxis::Batch:
        ++Batches;
        continue;
      case StateAxis::Capacity:
        ++Capacities;
        continue;
      case StateAxis::Window:
        if (Dim.Value < 1)
          return invalidArgument("state '" + State.Name +
                                 "' has a window of no positions");
        ++Capacities;
        continue;
      }
      return Status(StatusCode::Incompatible,
                    "state '" + State.Name + "' has an unknown axis");
    }
    uint64_t Count = 0, Bytes = 0;
    if (Batches > 1 || Capacities > 1 || !elementCount(Known, Count) ||
        !elementBytes(State.Type, Count, Bytes))
      return invalidArgument("state '" + State.Name +
                             "' has dims that make no sense");
    return Status::success();
  }

  Status verifyEntry(const Entry &E) {
    std::set<std::string_view> Names;
    for (const TensorInfo &Input : E.Inputs) {
      DURE_RETURN_IF_ERROR(checkName(Input.Name, "input", Names));
      DURE_RETURN_IF_ERROR(verifyTensor(Input).at("input"));
    }
    Names.clear();
    for (const TensorInfo &Output : E.Outputs) {
      DURE_RETURN_IF_ERROR(checkName(Output.Name, "output", Names));
      DURE_RETURN_IF_ERROR(verifyTensor(Output).at("output"));
    }
    Names.clear();
    for (const StateInfo &State : E.States) {
      DURE_RETURN_IF_ERROR(checkName(State.Name, "state", Names));
      DURE_RETURN_IF_ERROR(verifyState(State));
    }
    if (!E.States.empty() && !(P.RequiredFeatures & PackageFeatureState) &&
        !Bounds.BeforeWriting)
      return invalidArgument("state without its feature bit");
    return Status::success();
  }

  Status verifyEntries() {
    std::set<std::string_view> Names;
    for (const Entry &E : P.Entries) {
      DURE_RETURN_IF_ERROR(checkName(E.Name, "entry", Names));
      DURE_RETURN_IF_ERROR(verifyEntry(E).at("entry '" + E.Name + "'"));
    }
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Variants
  //===--------------------------------------------------------------------===//

  Status verifyCodeObject(const CodeObject &Code) {
    DURE_RETURN_IF_ERROR(checkText(Code.Format, "code format"));
    std::set<std::string_view> Names;
    for (const Export &E : Code.Exports)
      DURE_RETURN_IF_ERROR(checkName(E.Name, "export", Names));
    if (Bounds.BeforeWriting)
      return Code.Bytes ? Status::success()
                        : invalidArgument("a code object without bytes");
    if (Code.Offset % PackageAlignment != 0 ||
        !rangeFits(Code.Offset, Code.Size, Bounds.CodeSize))
      return dataLoss("a code object is not in the package");
    return Status::success();
  }

  /// True if one of the variant's devices reads weights packed in this way.
  static bool readsPacked(const Variant &V, const std::string &Key) {
    return Key.empty() || Key == V.PackKey ||
           std::any_of(
               V.Devices.begin(), V.Devices.end(),
               [&](const VariantDevice &D) { return D.PackKey == Key; });
  }

  Status verifyDevices(const Variant &V) {
    if (V.Devices.size() >= MaxDevices)
      return invalidArgument("it has more than " + std::to_string(MaxDevices) +
                             " devices");
    if (!V.Devices.empty() && !(P.RequiredFeatures & PackageFeatureDevices) &&
        !Bounds.BeforeWriting)
      return invalidArgument("several devices without their feature bit");
    for (const VariantDevice &D : V.Devices) {
      for (const std::string *Text :
           {&D.Target, &D.Driver, &D.Compatibility, &D.PackKey})
        DURE_RETURN_IF_ERROR(checkText(*Text, "device"));
      for (const std::string &Feature : D.Features)
        DURE_RETURN_IF_ERROR(checkText(Feature, "feature"));
      if (D.Driver.empty() || D.Driver.find('/') != std::string::npos)
        return invalidArgument("one of its devices names no driver");
    }
    for (const CodeObject &Code : V.CodeObjects)
      if (Code.Device > V.Devices.size())
        return invalidArgument("a code object is for no device of it");
    return Status::success();
  }

  Status verifyWeightUses(const Variant &V) {
    for (size_t I = 0; I != V.Weights.size(); ++I) {
      uint32_t Index = V.Weights[I];
      if (Index >= P.Weights.size() || (I != 0 && V.Weights[I - 1] >= Index))
        return invalidArgument("its weights are not ascending indices");
      const Weight &W = P.Weights[Index];
      if (W.Source == WeightSource::None)
        return invalidArgument("weight '" + W.Name + "' is not stored");
      if (!readsPacked(V, W.PackKey))
        return invalidArgument("weight '" + W.Name + "' is packed as '" +
                               W.PackKey + "', the variant reads '" +
                               V.PackKey + "'");
    }
    return Status::success();
  }

  Status verifyVariant(const Variant &V) {
    for (const std::string *Text :
         {&V.Target, &V.Driver, &V.Compatibility, &V.PackKey})
      DURE_RETURN_IF_ERROR(checkText(*Text, "variant"));
    for (const std::string &Feature : V.Features)
      DURE_RETURN_IF_ERROR(checkText(Feature, "feature"));
    if (V.Driver.empty() || V.Driver.find('/') != std::string::npos)
      return invalidArgument("it names no driver");
    for (const CodeObject &Code : V.CodeObjects)
      DURE_RETURN_IF_ERROR(verifyCodeObject(Code));
    DURE_RETURN_IF_ERROR(verifyDevices(V));
    DURE_RETURN_IF_ERROR(verifyWeightUses(V));
    std::set<uint32_t> Entries;
    for (const Program &Prog : V.Programs) {
      if (Prog.Entry >= P.Entries.size() || !Entries.insert(Prog.Entry).second)
        return invalidArgument("it has a program for no entry, or two for one");
      DURE_RETURN_IF_ERROR(
          verifyProgram(P, V, Prog)
              .at("program '" + P.Entries[Prog.Entry].Name + "'"));
    }
    return Status::success();
  }

  Status verifyVariants() {
    std::set<std::string_view> Names;
    for (const Variant &V : P.Variants) {
      DURE_RETURN_IF_ERROR(checkName(V.Name, "variant", Names));
      DURE_RETURN_IF_ERROR(verifyVariant(V).at("variant '" + V.Name + "'"));
    }
    return Status::success();
  }

  struct Cost {
    uint64_t Nodes;
    uint64_t Depth;
  };

  const Package &P;
  const PackageBounds &Bounds;
  std::vector<Cost> Costs; // of each weight's recipe, so far
};

} // namespace

Status dure::verifyPackage(const Package &Content,
                           const PackageBounds &Bounds) {
  return PackageVerifier(Content, Bounds).run();
}
