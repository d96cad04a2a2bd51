// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX names out of locations. The importer writes NameLocs "node:..", "op:.."
// and "value:.."; passes fuse them.
#include "compiler/package/SourceNames.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace dure;

static void collect(Location Loc, StringRef Prefix,
                    llvm::SetVector<StringRef> &Out) {
  if (auto Name = dyn_cast<NameLoc>(Loc)) {
    StringRef Text = Name.getName().getValue();
    if (Text.consume_front(Prefix))
      Out.insert(Text);
    return;
  }
  if (auto Fused = dyn_cast<FusedLoc>(Loc))
    for (Location Each : Fused.getLocations())
      collect(Each, Prefix, Out);
}

static std::vector<std::string> namesWith(Location Loc, StringRef Prefix) {
  llvm::SetVector<StringRef> Found;
  collect(Loc, Prefix, Found);
  std::vector<std::string> Out;
  for (StringRef Name : Found)
    Out.push_back(Name.str());
  return Out;
}

std::vector<std::string> dure::sourceNodes(Location Loc) {
  return namesWith(Loc, "node:");
}

std::string dure::sourceOp(Location Loc) {
  std::vector<std::string> Ops = namesWith(Loc, "op:");
  return Ops.empty() ? "" : Ops.back();
}

std::string dure::sourceValue(Location Loc) {
  std::vector<std::string> Values = namesWith(Loc, "value:");
  return Values.empty() ? "" : Values.back();
}

llvm::DenseMap<Value, std::string> dure::namedValues(func::FuncOp Function) {
  // One node may become several ops with its location: the last one defines the
  // node's value.
  llvm::StringMap<Value> Last;
  Function.walk([&](Operation *Op) {
    // A region has its last op's location and comes after what it holds.
    if (Op->getNumResults() != 1 || isa<RegionOp>(Op))
      return;
    std::string Name = sourceValue(Op->getLoc());
    if (!Name.empty())
      Last[Name] = Op->getResult(0);
  });
  llvm::DenseMap<Value, std::string> Out;
  for (auto &Entry : Last)
    Out[Entry.second] = Entry.first().str();
  return Out;
}

static std::string typeKey(func::FuncOp Function, StringRef Value) {
  return (Function.getSymName() + " " + Value).str();
}

llvm::StringMap<Type> dure::namedTypes(ModuleOp Module) {
  llvm::StringMap<Type> Types;
  for (auto Function : Module.getOps<func::FuncOp>())
    for (auto &[Value, Name] : namedValues(Function))
      Types[typeKey(Function, Name)] = Value.getType();
  return Types;
}

static Location withoutValues(Location Loc) {
  auto Fused = dyn_cast<FusedLoc>(Loc);
  if (!Fused)
    return Loc;
  SmallVector<Location> Kept;
  for (Location Each : Fused.getLocations()) {
    auto Name = dyn_cast<NameLoc>(Each);
    if (!Name || !Name.getName().getValue().starts_with("value:"))
      Kept.push_back(withoutValues(Each));
  }
  return FusedLoc::get(Loc.getContext(), Kept, Fused.getMetadata());
}

void dure::forgetOtherTypes(ModuleOp Module,
                            const llvm::StringMap<Type> &Before) {
  for (auto Function : Module.getOps<func::FuncOp>())
    for (auto &[Value, Name] : namedValues(Function)) {
      auto Known = Before.find(typeKey(Function, Name));
      if (Known != Before.end() && Known->second != Value.getType())
        Value.getDefiningOp()->setLoc(
            withoutValues(Value.getDefiningOp()->getLoc()));
    }
}

std::vector<std::string> dure::sourceValues(CallDispatchOp Op) {
  std::vector<std::string> Out;
  if (auto Names = Op->getAttrOfType<ArrayAttr>(ValueNamesAttr))
    for (StringRef Name : Names.getAsValueRange<StringAttr>())
      Out.push_back(Name.str());
  return Out;
}
