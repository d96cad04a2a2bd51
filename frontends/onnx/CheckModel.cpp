// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names: unique, defined, and nodes in execution order.
//
// ONNX asks writers to sort nodes; many tools that edit graphs do not, and
// other runtimes accept it, so unsorted nodes are sorted here. Only a cycle is
// refused.

#include "frontends/onnx/Wire.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace dure::onnx {
namespace {

/// A name that a graph uses and an outer graph must define, and the node that
/// uses it. No pointer to the node: sorting moves nodes.
struct FreeName {
  std::string_view Name;
  std::string_view UserName, UserOp;
};

class Checker {
public:
  explicit Checker(Context &C) : C(C) {}

  void checkMain(Graph &G);
  void checkFunction(Function &F);

private:
  /// Checks one scope. `Defined` holds the names of inputs and initializers.
  /// Returns the names taken from outside.
  std::vector<FreeName>
  checkNodes(std::vector<Node> &Nodes,
             std::unordered_set<std::string_view> Defined,
             const std::vector<std::string_view> &Results);
  std::vector<FreeName> checkGraph(Graph &G);
  std::vector<FreeName> freeNamesOf(Node &N);
  void sortNodes(std::vector<Node> &Nodes,
                 const std::vector<std::vector<size_t>> &Needs);
  void define(std::unordered_set<std::string_view> &Defined,
              std::string_view Name);
  [[noreturn]] void undefined(const FreeName &Free);

  Context &C;
};

} // namespace

static std::string_view nameOf(const Node &N) {
  return N.Name.empty() && !N.Outputs.empty() ? N.Outputs[0] : N.Name;
}

void Checker::define(std::unordered_set<std::string_view> &Defined,
                     std::string_view Name) {
  if (!Defined.insert(Name).second)
    C.fail(RefusalCode::DuplicateName, {printable(Name)});
}

void Checker::undefined(const FreeName &Free) {
  Context::Scope Where(C, Free.UserOp.empty()
                              ? ""
                              : "node '" + std::string(Free.UserName) + "' (" +
                                    std::string(Free.UserOp) + ")");
  C.fail(RefusalCode::UndefinedName, {printable(Free.Name)});
}

std::vector<FreeName> Checker::freeNamesOf(Node &N) {
  std::vector<FreeName> Names;
  for (std::string_view Input : N.Inputs)
    if (!Input.empty())
      Names.push_back({Input, nameOf(N), N.OpType});
  for (Attribute &A : N.Attributes)
    for (Graph &G : A.Graphs)
      for (FreeName &Free : checkGraph(G))
        Names.push_back({Free.Name, nameOf(N), N.OpType});
  return Names;
}

/// Sorts by need, keeping the file's order where it is free to. `Needs[I]`
/// lists the nodes that node I reads from.
void Checker::sortNodes(std::vector<Node> &Nodes,
                        const std::vector<std::vector<size_t>> &Needs) {
  enum State : uint8_t { Unseen, Open, Done };
  std::vector<State> States(Nodes.size(), Unseen);
  std::vector<Node> Sorted;
  Sorted.reserve(Nodes.size());
  struct Frame {
    size_t Node, NextNeed;
  };
  std::vector<Frame> Stack; // On the heap: chains are as long as the file.
  for (size_t Root = 0; Root < Nodes.size(); ++Root) {
    if (States[Root] == Unseen) {
      States[Root] = Open;
      Stack.push_back({Root, 0});
    }
    while (!Stack.empty()) {
      Frame &Top = Stack.back();
      if (Top.NextNeed == Needs[Top.Node].size()) {
        States[Top.Node] = Done;
        Sorted.push_back(std::move(Nodes[Top.Node]));
        Stack.pop_back();
        continue;
      }
      size_t Need = Needs[Top.Node][Top.NextNeed++];
      if (States[Need] == Open)
        C.fail(RefusalCode::Cycle, {printable(nameOf(Nodes[Need]))});
      if (States[Need] == Unseen) {
        States[Need] = Open;
        Stack.push_back({Need, 0});
      }
    }
  }
  Nodes = std::move(Sorted);
}

std::vector<FreeName>
Checker::checkNodes(std::vector<Node> &Nodes,
                    std::unordered_set<std::string_view> Defined,
                    const std::vector<std::string_view> &Results) {
  std::unordered_map<std::string_view, size_t> Producer;
  for (size_t I = 0; I < Nodes.size(); ++I)
    for (std::string_view Output : Nodes[I].Outputs) {
      if (Output.empty())
        continue;
      define(Defined, Output);
      Producer[Output] = I;
    }

  std::vector<FreeName> Free;
  std::vector<std::vector<size_t>> Needs(Nodes.size());
  bool IsSorted = true;
  for (size_t I = 0; I < Nodes.size(); ++I) {
    for (const FreeName &Used : freeNamesOf(Nodes[I])) {
      auto It = Producer.find(Used.Name);
      if (It != Producer.end()) {
        IsSorted &= It->second < I;
        Needs[I].push_back(It->second);
      } else if (!Defined.count(Used.Name)) {
        Free.push_back(Used);
      }
    }
  }
  for (std::string_view Result : Results)
    if (!Defined.count(Result))
      Free.push_back({Result, {}, {}});
  if (!IsSorted)
    sortNodes(Nodes, Needs);
  return Free;
}

std::vector<FreeName> Checker::checkGraph(Graph &G) {
  Context::Scope Where(
      C, G.Name.empty() ? "" : "graph '" + std::string(G.Name) + "'");
  std::unordered_set<std::string_view> Defined;
  for (const ValueInfo &Input : G.Inputs) {
    if (Input.Name.empty())
      C.fail(RefusalCode::BadName, {"a graph input has none"});
    define(Defined, Input.Name);
  }
  // An initializer may carry the name of an input: its default value.
  std::unordered_set<std::string_view> Initialized;
  for (const Tensor &T : G.Initializers) {
    define(Initialized, T.Name);
    Defined.insert(T.Name);
  }
  std::vector<std::string_view> Results;
  for (const ValueInfo &Output : G.Outputs)
    Results.push_back(Output.Name);
  return checkNodes(G.Nodes, std::move(Defined), Results);
}

void Checker::checkMain(Graph &G) {
  // A branch may return a value twice; the model's outputs are told apart by
  // their names.
  std::unordered_set<std::string_view> Names;
  for (const ValueInfo &Output : G.Outputs) {
    if (Output.Name.empty())
      C.fail(RefusalCode::BadName, {"a graph output has none"});
    define(Names, Output.Name);
  }
  if (G.Outputs.empty())
    C.fail(RefusalCode::FileMalformed, {"its graph has no outputs"});
  std::vector<FreeName> Free = checkGraph(G);
  if (!Free.empty())
    undefined(Free.front());
}

void Checker::checkFunction(Function &F) {
  Context::Scope Where(C, "function '" + std::string(F.Name) + "'");
  std::unordered_set<std::string_view> Defined;
  for (std::string_view Input : F.Inputs)
    define(Defined, Input);
  std::vector<FreeName> Free =
      checkNodes(F.Nodes, std::move(Defined), F.Outputs);
  if (!Free.empty())
    undefined(Free.front());
}

void checkModel(Context &C, Model &M) {
  Checker Check(C);
  Check.checkMain(M.Main);
  std::set<std::tuple<std::string_view, std::string_view, std::string_view>>
      Known;
  for (const Function &F : M.Functions) {
    if (F.Name.empty())
      C.fail(RefusalCode::BadName, {"a function has none"});
    if (!Known.insert({F.Domain, F.Name, F.Overload}).second)
      C.fail(RefusalCode::DuplicateName, {printable(F.Name)});
  }
  for (Function &F : M.Functions)
    Check.checkFunction(F);
}

} // namespace dure::onnx
