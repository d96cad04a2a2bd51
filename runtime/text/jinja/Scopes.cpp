// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Binding of names to slots of frames.
//
// A scope is bound in two walks. The first finds its symbols and stops at
// scopes inside; the second gives names their slots and binds the scopes
// inside, which by then see all symbols of this one.
#include "runtime/text/jinja/Scopes.h"

#include "runtime/text/jinja/Builtins.h"

#include <algorithm>
#include <set>

using namespace dure;
using namespace dure::jinja;
using Load = Scope::Load;

using Body = std::vector<Stmt *>;

namespace {

/// The symbols of a scope while it is bound.
class Symbols {
public:
  Symbols(Scope &Of, Symbols *Outer) : Of(Of), Outer(Outer) {}

  std::optional<Reference> find(const std::string &Name) const {
    uint32_t Hops = 0;
    for (const Symbols *S = this; S; S = S->Outer, ++Hops)
      if (auto Found = S->Slots.find(Name); Found != S->Slots.end())
        return Reference{Hops, Found->second};
    return std::nullopt;
  }

  void load(const std::string &Name) {
    if (!find(Name))
      define(Name, Load::Resolve);
  }

  void store(const std::string &Name) {
    bool IsNew = Stored.insert(Name).second;
    if (!Slots.count(Name))
      define(Name, outer(Name) ? Load::Alias : Load::Unset);
    if (IsNew)
      StoreOrder.push_back(Name);
  }

  uint32_t declare(const std::string &Name) {
    Stored.insert(Name);
    return define(Name, Load::Parameter);
  }

  /// Behind a condition: what was set in some branch only begins as what it is
  /// outside. `From` is storeCount() before the branches.
  void mergeBranches(size_t From) {
    for (; From < StoreOrder.size(); ++From)
      define(StoreOrder[From],
             outer(StoreOrder[From]) ? Load::Alias : Load::Resolve);
  }
  size_t storeCount() const { return StoreOrder.size(); }

  void capture() {
    for (Symbols *S = this; S; S = S->Outer)
      S->Of.IsCaptured = true;
  }

private:
  std::optional<Reference> outer(const std::string &Name) const {
    std::optional<Reference> Found = Outer ? Outer->find(Name) : std::nullopt;
    if (Found)
      ++Found->Hops;
    return Found;
  }

  uint32_t define(const std::string &Name, Load How) {
    auto [Slot, IsNew] = Slots.emplace(Name, uint32_t(Of.Symbols.size()));
    if (IsNew)
      Of.Symbols.push_back({Name, How, {}});
    Scope::Symbol &Made = Of.Symbols[Slot->second];
    Made.How = How;
    if (How == Load::Alias)
      Made.Outer = *outer(Name);
    return Slot->second;
  }

  Scope &Of;
  Symbols *Outer;
  std::unordered_map<std::string, uint32_t> Slots;
  std::set<std::string> Stored;
  std::vector<std::string> StoreOrder;
};

class Binder {
public:
  void bindTemplate(Tree &T) {
    Symbols Root(T.Root, nullptr);
    collect(Root, T.Body);
    bind(Root, T.Body, /*IsSoft=*/false);
  }

private:
  // First walk.
  void collect(Symbols &S, Expr *E);
  void collect(Symbols &S, const CallSite &Given);
  void collect(Symbols &S, const Body &B) {
    for (Stmt *Each : B)
      collect(S, *Each);
  }
  void collect(Symbols &S, Stmt &Of);
  void collectTarget(Symbols &S, Expr &E, bool IsParameter);

  // Second walk. Soft: a filter that does not exist fails when it is used.
  void bind(Symbols &S, Expr *E, bool IsSoft);
  void bind(Symbols &S, const Body &B, bool IsSoft) {
    for (Stmt *Each : B)
      bind(S, *Each, IsSoft);
  }
  void bind(Symbols &S, Stmt &Of, bool IsSoft);
  void bindFor(Symbols &S, Stmt &Of, bool IsSoft);
  void bindFunction(Symbols &S, Stmt &Of);
  void bindWith(Symbols &S, Stmt &Of, bool IsSoft);
  void bindBlock(Symbols &S, Stmt &Of);
};

/// Calls `See` with each name in `B`, in the order that matters for what is
/// declared: see undeclared().
class NameWalk {
public:
  explicit NameWalk(std::function<void(const Expr &)> See)
      : See(std::move(See)) {}

  void walk(const Body &B) {
    for (const Stmt *Each : B)
      walk(*Each);
  }
  void walk(const Stmt &S);

private:
  void walk(const std::vector<Expr *> &All) {
    for (const Expr *Each : All)
      walk(Each);
  }
  void walk(const Expr *E);

  std::function<void(const Expr &)> See;
};

} // namespace

void NameWalk::walk(const Expr *E) {
  if (!E)
    return;
  if (E->Is == Expr::Type::Name)
    See(*E);
  walk(E->Parts);
  walk(E->Given.Positional);
  for (const auto &Each : E->Given.Named)
    walk(Each.second);
  walk(E->Given.Star);
  walk(E->Given.StarStar);
}

void NameWalk::walk(const Stmt &S) {
  bool IsCall = S.Is == Stmt::Type::Call;
  if (IsCall)
    walk(S.Source);
  if (S.Is == Stmt::Type::FilterBlock)
    walk(S.Body);
  if (S.Is == Stmt::Type::If)
    walk(S.Test);
  walk(S.Target);
  walk(S.Targets);
  walk(S.Defaults);
  walk(S.Exprs);
  if (!IsCall)
    walk(S.Source);
  if (S.Is != Stmt::Type::FilterBlock)
    walk(S.Body);
  walk(S.Elifs);
  walk(S.Else);
  if (S.Is == Stmt::Type::For)
    walk(S.Test);
}

/// Those of `Names` that are read before they are set.
static std::set<std::string> undeclared(const Body &B,
                                        std::set<std::string> Names) {
  std::set<std::string> Found;
  NameWalk([&](const Expr &E) {
    if (E.How != Expr::Use::Load)
      Names.erase(E.Text);
    else if (Names.count(E.Text))
      Found.insert(E.Text);
  }).walk(B);
  return Found;
}

//===-- First walk
//---------------------------------------------------------===//

void Binder::collect(Symbols &S, const CallSite &Given) {
  for (Expr *Each : Given.Positional)
    collect(S, Each);
  for (const auto &Each : Given.Named)
    collect(S, Each.second);
  collect(S, Given.Star);
  collect(S, Given.StarStar);
}

void Binder::collect(Symbols &S, Expr *E) {
  if (!E)
    return;
  if (E->Is == Expr::Type::Name || E->Is == Expr::Type::NamespaceRef)
    S.load(E->Text);
  for (Expr *Each : E->Parts)
    collect(S, Each);
  collect(S, E->Given);
}

void Binder::collectTarget(Symbols &S, Expr &E, bool IsParameter) {
  if (E.Is == Expr::Type::NamespaceRef)
    S.load(E.Text);
  else if (E.Is == Expr::Type::Name && IsParameter)
    S.declare(E.Text);
  else if (E.Is == Expr::Type::Name)
    S.store(E.Text);
  for (Expr *Each : E.Parts)
    collectTarget(S, *Each, IsParameter);
}

void Binder::collect(Symbols &S, Stmt &Of) {
  switch (Of.Is) {
  case Stmt::Type::Output:
  case Stmt::Type::With:
    for (Expr *Each : Of.Exprs)
      collect(S, Each);
    return;
  case Stmt::Type::If: {
    collect(S, Of.Test);
    size_t Before = S.storeCount();
    collect(S, Of.Body);
    collect(S, Of.Elifs);
    collect(S, Of.Else);
    return S.mergeBranches(Before);
  }
  case Stmt::Type::For:
  case Stmt::Type::Call:
  case Stmt::Type::FilterBlock:
    return collect(S, Of.Source);
  case Stmt::Type::Macro:
    return S.store(Of.Name);
  case Stmt::Type::Set:
    collect(S, Of.Source);
    return collectTarget(S, *Of.Target, /*IsParameter=*/false);
  case Stmt::Type::SetBlock:
    return collectTarget(S, *Of.Target, /*IsParameter=*/false);
  case Stmt::Type::Break:
  case Stmt::Type::Continue:
    return;
  }
}

//===-- Second walk
//--------------------------------------------------------===//

void Binder::bind(Symbols &S, Expr *E, bool IsSoft) {
  if (!E)
    return;
  if (E->Is == Expr::Type::Name || E->Is == Expr::Type::NamespaceRef)
    E->Variable = *S.find(E->Text);
  IsSoft |= E->Is == Expr::Type::Conditional;
  if (!IsSoft && E->Is == Expr::Type::Filter && !knowsFilter(E->Text))
    failAt(E->At, "there is no filter '" + E->Text + "'");
  if (!IsSoft && E->Is == Expr::Type::Test && !knowsTest(E->Text))
    failAt(E->At, "there is no test '" + E->Text + "'");
  for (Expr *Each : E->Parts)
    bind(S, Each, IsSoft);
  for (Expr *Each : E->Given.Positional)
    bind(S, Each, IsSoft);
  for (const auto &Each : E->Given.Named)
    bind(S, Each.second, IsSoft);
  bind(S, E->Given.Star, IsSoft);
  bind(S, E->Given.StarStar, IsSoft);
}

void Binder::bind(Symbols &S, Stmt &Of, bool IsSoft) {
  switch (Of.Is) {
  case Stmt::Type::Output:
    for (Expr *Each : Of.Exprs)
      bind(S, Each, IsSoft);
    return;
  case Stmt::Type::If:
    bind(S, Of.Test, /*IsSoft=*/true);
    bind(S, Of.Body, /*IsSoft=*/true);
    bind(S, Of.Elifs, /*IsSoft=*/true);
    return bind(S, Of.Else, /*IsSoft=*/true);
  case Stmt::Type::For:
    return bindFor(S, Of, IsSoft);
  case Stmt::Type::Macro:
    Of.Variable = *S.find(Of.Name);
    return bindFunction(S, Of);
  case Stmt::Type::Call:
    bind(S, Of.Source, IsSoft);
    return bindFunction(S, Of);
  case Stmt::Type::With:
    return bindWith(S, Of, IsSoft);
  case Stmt::Type::Set:
    bind(S, Of.Source, IsSoft);
    return bind(S, Of.Target, IsSoft);
  case Stmt::Type::SetBlock:
    bind(S, Of.Target, IsSoft);
    return bindBlock(S, Of);
  case Stmt::Type::FilterBlock:
    return bindBlock(S, Of);
  case Stmt::Type::Break:
  case Stmt::Type::Continue:
    return;
  }
}

void Binder::bindFor(Symbols &S, Stmt &Of, bool IsSoft) {
  NameWalk([&](const Expr &E) {
    if (E.How == Expr::Use::Store && E.Text == "loop")
      failAt(E.At, "'loop' cannot be set inside of a loop");
  }).walk(Of);
  bind(S, Of.Source, IsSoft);
  if (Of.IsRecursive)
    S.capture();

  // The target's slots are the same in both scopes.
  Symbols Inner(Of.Inner, &S);
  collectTarget(Inner, *Of.Target, /*IsParameter=*/true);
  if (Of.IsRecursive || !undeclared(Of.Body, {"loop"}).empty())
    Of.LoopSlot = int(Inner.declare("loop"));
  collect(Inner, Of.Body);
  bind(Inner, Of.Target, /*IsSoft=*/false);
  bind(Inner, Of.Body, /*IsSoft=*/false);
  if (Of.Test) {
    Symbols Test(Of.TestScope, &S);
    collectTarget(Test, *Of.Target, /*IsParameter=*/true);
    collect(Test, Of.Test);
    bind(Test, Of.Test, /*IsSoft=*/false);
  }
  Symbols Else(Of.ElseScope, &S);
  collect(Else, Of.Else);
  bind(Else, Of.Else, /*IsSoft=*/false);
}

/// A macro or the body of a call.
void Binder::bindFunction(Symbols &S, Stmt &Of) {
  S.capture();
  Symbols Inner(Of.Inner, &S);
  for (size_t I = 0; I < Of.Targets.size(); ++I)
    collectTarget(Inner, *Of.Targets[I], /*IsParameter=*/true);
  for (Expr *Each : Of.Defaults)
    collect(Inner, Each);
  collect(Inner, Of.Body);

  std::set<std::string> Used =
      undeclared(Of.Body, {"caller", "kwargs", "varargs"});
  auto IsParameter = [&](const char *Name) {
    return std::any_of(Of.Targets.begin(), Of.Targets.end(),
                       [&](const Expr *Each) { return Each->Text == Name; });
  };
  Of.DeclaresCaller = IsParameter("caller");
  if (Used.count("caller") && Of.DeclaresCaller) {
    size_t FirstDefault = Of.Targets.size() - Of.Defaults.size();
    for (size_t I = 0; I < FirstDefault; ++I)
      if (Of.Targets[I]->Text == "caller")
        failAt(Of.Targets[I]->At,
               "the parameter 'caller' needs a default, or none such");
  } else if (Used.count("caller")) {
    Of.CallerSlot = int(Inner.declare("caller"));
  }
  if (Used.count("kwargs") && !IsParameter("kwargs"))
    Of.KwargsSlot = int(Inner.declare("kwargs"));
  if (Used.count("varargs") && !IsParameter("varargs"))
    Of.VarargsSlot = int(Inner.declare("varargs"));

  for (Expr *Each : Of.Targets)
    bind(Inner, Each, /*IsSoft=*/false);
  for (Expr *Each : Of.Defaults)
    bind(Inner, Each, /*IsSoft=*/false);
  bind(Inner, Of.Body, /*IsSoft=*/false);
}

void Binder::bindWith(Symbols &S, Stmt &Of, bool IsSoft) {
  for (Expr *Each : Of.Exprs)
    bind(S, Each, IsSoft);
  Symbols Inner(Of.Inner, &S);
  for (Expr *Each : Of.Targets)
    collectTarget(Inner, *Each, /*IsParameter=*/true);
  collect(Inner, Of.Body);
  for (Expr *Each : Of.Targets)
    bind(Inner, Each, /*IsSoft=*/false);
  bind(Inner, Of.Body, /*IsSoft=*/false);
}

/// A body whose text goes through filters.
void Binder::bindBlock(Symbols &S, Stmt &Of) {
  Symbols Inner(Of.Inner, &S);
  collect(Inner, Of.Body);
  collect(Inner, Of.Source);
  bind(Inner, Of.Body, /*IsSoft=*/false);
  bind(Inner, Of.Source, /*IsSoft=*/false);
}

void jinja::bindNames(Tree &T) { Binder().bindTemplate(T); }
