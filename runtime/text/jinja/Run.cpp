// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs statements.
#include "runtime/text/jinja/Builtins.h"
#include "runtime/text/jinja/Interpreter.h"

#include <algorithm>

using namespace dure;
using namespace dure::jinja;

Interpreter::~Interpreter() {
  // Namespaces may hold each other; each lives here until its own turn.
  for (const auto &Each : Namespaces)
    Each->Attributes = Value();
}

//===-- Variables
//----------------------------------------------------------===//

Interpreter::FrameHolder::FrameHolder(Interpreter &In, const Scope &Of,
                                      Frame *Outer) {
  if (Of.IsCaptured) {
    Kept = &In.Kept.emplace_back();
    Kept->charge(In.M, sizeof(Frame) + Of.Symbols.size() * sizeof(Value));
  }
  Kept->Outer = Outer;
  Kept->Slots.resize(Of.Symbols.size());
}

/// Gives the scope's own variables their first values.
void Interpreter::enter(const Scope &Of, Frame &F) {
  for (size_t I = 0; I < Of.Symbols.size(); ++I) {
    const Scope::Symbol &Each = Of.Symbols[I];
    switch (Each.How) {
    case Scope::Load::Parameter:
      break;
    case Scope::Load::Resolve:
      F.Slots[I] = resolve(Each.Name);
      break;
    case Scope::Load::Alias:
      F.Slots[I] = variable(Each.Outer, F);
      break;
    case Scope::Load::Unset:
      F.Slots[I] = Value();
      break;
    }
  }
}

Value &Interpreter::variable(const Reference &To, Frame &F) {
  Frame *In = &F;
  for (uint32_t Hops = To.Hops; Hops; --Hops)
    In = In->Outer;
  return In->Slots[To.Slot];
}

Value Interpreter::resolve(const std::string &Name) {
  auto Found = Given.find(Name);
  return Found == Given.end() ? findGlobal(*this, Name) : Found->second;
}

Value Interpreter::makeNamespace(Value Attributes) {
  auto Made = std::make_shared<NamespaceObject>();
  Made->charge(M, sizeof(NamespaceObject));
  Made->Attributes = std::move(Attributes);
  Namespaces.push_back(Made);
  return Value(Kind::Namespace, std::move(Made));
}

void Interpreter::write(std::string_view Text) {
  if (Text.size() >
      M.Limits.Output - std::min<uint64_t>(M.Limits.Output, Out->text().size()))
    failLimit("the rendered text is too long");
  Out->add(Text);
}

//===-- Statements
//---------------------------------------------------------===//

std::string Interpreter::render(const Tree &T) {
  TextBuilder Text(M);
  Out = &Text;
  FrameHolder Root(*this, T.Root, nullptr);
  enter(T.Root, Root.get());
  run(T.Body, Root.get());
  return Text.take();
}

Interpreter::Flow Interpreter::run(const std::vector<Stmt *> &Body, Frame &F) {
  for (const Stmt *Each : Body)
    if (Flow How = run(*Each, F); How != Flow::Next)
      return How;
  return Flow::Next;
}

Interpreter::Flow Interpreter::run(const Stmt &S, Frame &F) {
  Level Inside(*this);
  Where = S.At;
  switch (S.Is) {
  case Stmt::Type::Output:
    runOutput(S, F);
    return Flow::Next;
  case Stmt::Type::If:
    return runIf(S, F);
  case Stmt::Type::For:
    if (!S.IsRecursive)
      return runLoop(S, F, evaluate(*S.Source, F), 0);
    write(runRecursive(S, F, evaluate(*S.Source, F), 0));
    return Flow::Next;
  case Stmt::Type::Macro:
    variable(S.Variable, F) = makeFunction(S, F);
    return Flow::Next;
  case Stmt::Type::Call:
    runCall(S, F);
    return Flow::Next;
  case Stmt::Type::FilterBlock:
  case Stmt::Type::SetBlock:
    return runBlock(S, F);
  case Stmt::Type::With:
    return runWith(S, F);
  case Stmt::Type::Set:
    runSet(S, F);
    return Flow::Next;
  case Stmt::Type::Break:
    return Flow::Break;
  case Stmt::Type::Continue:
    return Flow::Continue;
  }
  return Flow::Next;
}

void Interpreter::runOutput(const Stmt &S, Frame &F) {
  for (const Expr *Each : S.Exprs) {
    Value V = evaluate(*Each, F);
    Where = Each->At;
    if (V.isString())
      write(V.text());
    else
      write(str(M, V));
  }
}

Interpreter::Flow Interpreter::runIf(const Stmt &S, Frame &F) {
  if (isTrue(evaluate(*S.Test, F)))
    return run(S.Body, F);
  for (const Stmt *Each : S.Elifs)
    if (isTrue(evaluate(*Each->Test, F)))
      return run(Each->Body, F);
  return run(S.Else, F);
}

std::shared_ptr<LoopObject> Interpreter::makeLoop(const Stmt &S, Frame &F,
                                                  const Value &Source,
                                                  int64_t Depth) {
  Where = S.Source->At;
  auto Loop = std::make_shared<LoopObject>();
  Loop->Source = iterate(Make, Source);
  // Twice: the items that pass the condition are there once more.
  Loop->charge(M, sizeof(LoopObject) + 2 * Loop->Source.size() * sizeof(Value));
  Loop->Level = Depth;
  Loop->Depth = depthOf(Loop->Source) + 1;
  if (S.Test)
    Loop->Accepts = [this, &S, &F](const Value &Each) {
      FrameHolder Test(*this, S.TestScope, &F);
      enter(S.TestScope, Test.get());
      assign(*S.Target, Each, Test.get());
      return isTrue(evaluate(*S.Test, Test.get()));
    };
  if (S.IsRecursive)
    Loop->Recurse = [this, &S, &F](const Value &Items, int64_t Deeper) {
      return runRecursive(S, F, Items, Deeper);
    };
  return Loop;
}

Interpreter::Flow Interpreter::runLoop(const Stmt &S, Frame &F,
                                       const Value &Source, int64_t Depth) {
  std::shared_ptr<LoopObject> Loop = makeLoop(S, F, Source, Depth);
  FrameHolder Inner(*this, S.Inner, &F);
  bool IsWhole = false;
  for (size_t I = 0; const Value *Each = Loop->find(I); ++I) {
    M.step();
    Loop->Index = I;
    enter(S.Inner, Inner.get());
    assign(*S.Target, *Each, Inner.get());
    if (S.LoopSlot >= 0)
      Inner.get().Slots[size_t(S.LoopSlot)] = Value(Kind::Loop, Loop);
    Flow How = run(S.Body, Inner.get());
    if (How == Flow::Break)
      break;
    // As in Jinja, an iteration that `continue` ends does not count for else.
    IsWhole |= How == Flow::Next;
  }
  // The loop may be known longer than what its condition refers to.
  Loop->Source.clear();
  Loop->Next = 0;
  Loop->Accepts = nullptr;
  Loop->Changed = Value();
  std::fill(Inner.get().Slots.begin(), Inner.get().Slots.end(), Value());
  if (IsWhole || S.Else.empty())
    return Flow::Next;
  FrameHolder Else(*this, S.ElseScope, &F);
  enter(S.ElseScope, Else.get());
  return run(S.Else, Else.get());
}

namespace {
/// Sends what is written to a text of its own.
class Redirect {
public:
  Redirect(Meter &M, TextBuilder *&Out) : Text(M), Out(Out), Saved(Out) {
    Out = &Text;
  }
  ~Redirect() { Out = Saved; }
  std::string take() { return Text.take(); }

private:
  TextBuilder Text;
  TextBuilder *&Out;
  TextBuilder *Saved;
};
} // namespace

std::string Interpreter::runRecursive(const Stmt &S, Frame &F,
                                      const Value &Source, int64_t Depth) {
  Level Inside(*this);
  Redirect To(M, Out);
  runLoop(S, F, Source, Depth);
  return To.take();
}

Interpreter::Flow Interpreter::runBlock(const Stmt &S, Frame &F) {
  FrameHolder Inner(*this, S.Inner, &F);
  enter(S.Inner, Inner.get());
  Value Text;
  {
    Redirect To(M, Out);
    if (Flow How = run(S.Body, Inner.get()); How != Flow::Next)
      return How;
    Text = Make.string(To.take());
  }
  Value Result =
      S.Source ? evaluateFilter(*S.Source, Inner.get(), &Text) : Text;
  Where = S.At;
  if (S.Is == Stmt::Type::SetBlock)
    assign(*S.Target, Result, F);
  else
    writeResult(Result, "filter");
  return Flow::Next;
}

/// What is written without str() around it must be a text already.
void Interpreter::writeResult(const Value &V, const char *What) {
  if (!V.isString())
    fail("the block '" + std::string(What) + "' gives " + typeName(V) +
         ", not a text");
  write(V.text());
}

Interpreter::Flow Interpreter::runWith(const Stmt &S, Frame &F) {
  FrameHolder Inner(*this, S.Inner, &F);
  enter(S.Inner, Inner.get());
  for (size_t I = 0; I < S.Targets.size(); ++I)
    assign(*S.Targets[I], evaluate(*S.Exprs[I], F), Inner.get());
  return run(S.Body, Inner.get());
}

static void forEachReference(const Expr &Target,
                             const std::function<void(const Expr &)> &Do) {
  if (Target.Is == Expr::Type::NamespaceRef)
    Do(Target);
  for (const Expr *Each : Target.Parts)
    forEachReference(*Each, Do);
}

void Interpreter::runSet(const Stmt &S, Frame &F) {
  // Before the value is evaluated, as Jinja does it.
  forEachReference(*S.Target, [&](const Expr &E) {
    Where = E.At;
    if (!variable(E.Variable, F).is(Kind::Namespace))
      fail("'" + E.Text + "' is no namespace; its attributes cannot be set");
  });
  assign(*S.Target, evaluate(*S.Source, F), F);
}

void Interpreter::assign(const Expr &Target, const Value &V, Frame &F) {
  switch (Target.Is) {
  case Expr::Type::Name:
    variable(Target.Variable, F) = V;
    return;
  case Expr::Type::NamespaceRef: {
    Where = Target.At;
    const Value &Space = variable(Target.Variable, F);
    if (!Space.is(Kind::Namespace))
      fail("'" + Target.Text +
           "' is no namespace; its attributes cannot be set");
    if (Target.Attribute.starts_with("_"))
      fail("names that begin with an underscore cannot be set in a namespace");
    // A dict is immutable, but no one else has this one.
    auto &Attributes =
        const_cast<DictObject &>(Space.space().Attributes.dict());
    Attributes.charge(M, sizeof(Value));
    Attributes.set(Make.string(Target.Attribute), V);
    return;
  }
  default:
    break;
  }
  Where = Target.At;
  std::vector<Value> Items = iterate(Make, V);
  if (Items.size() != Target.Parts.size())
    fail("cannot unpack " + std::to_string(Items.size()) + " values into " +
         std::to_string(Target.Parts.size()) + " names");
  for (size_t I = 0; I < Items.size(); ++I)
    assign(*Target.Parts[I], Items[I], F);
}

//===-- Macros and calls
//---------------------------------------------------===//

Value Interpreter::makeFunction(const Stmt &S, Frame &F) {
  Value Made = Make.callable(S.Name, 0,
                             [&S, &F](Interpreter &In, const Arguments &Given) {
                               return In.callFunction(S, F, Given);
                             });
  const_cast<CallableObject &>(Made.callable()).IsMacro = true;
  return Made;
}

/// Sets the slots of parameters; what is not given stays Missing.
void Interpreter::bindParameters(const Stmt &S, Frame &Inner,
                                 const Arguments &Given) {
  std::string Name = S.Name.empty() ? "caller" : S.Name;
  std::vector<std::pair<std::string, Value>> Named = Given.Named;
  auto Take = [&](const std::string &Wanted) {
    auto Found =
        std::find_if(Named.begin(), Named.end(),
                     [&](const auto &Each) { return Each.first == Wanted; });
    if (Found == Named.end())
      return Value();
    Value V = std::move(Found->second);
    Named.erase(Found);
    return V;
  };
  size_t Count = std::min(Given.Positional.size(), S.Targets.size());
  for (size_t I = 0; I < S.Targets.size(); ++I)
    Inner.Slots[S.Targets[I]->Variable.Slot] =
        I < Count ? Given.Positional[I] : Take(S.Targets[I]->Text);
  if (S.CallerSlot >= 0) {
    Value Caller = Take("caller");
    Inner.Slots[size_t(S.CallerSlot)] =
        Caller.isMissing() || Caller.is(Kind::None)
            ? Value::undefined("there is no caller here")
            : Caller;
  }
  if (S.KwargsSlot >= 0) {
    std::vector<std::pair<Value, Value>> Items;
    for (const auto &[Key, Each] : Named)
      Items.emplace_back(Make.string(Key), Each);
    Inner.Slots[size_t(S.KwargsSlot)] = Make.dict(std::move(Items));
  } else if (!Named.empty()) {
    fail("the macro '" + Name + "' has no parameter '" + Named[0].first + "'");
  }
  if (S.VarargsSlot >= 0)
    Inner.Slots[size_t(S.VarargsSlot)] = Make.tuple(
        {Given.Positional.begin() + ptrdiff_t(Count), Given.Positional.end()});
  else if (Given.Positional.size() > Count)
    fail("the macro '" + Name + "' takes at most " +
         std::to_string(S.Targets.size()) + " arguments");
}

Value Interpreter::callFunction(const Stmt &S, Frame &F,
                                const Arguments &Given) {
  Level Inside(*this);
  FrameHolder Holder(*this, S.Inner, &F);
  Frame &Inner = Holder.get();
  bindParameters(S, Inner, Given);
  Redirect To(M, Out);
  enter(S.Inner, Inner);
  size_t FirstDefault = S.Targets.size() - S.Defaults.size();
  for (size_t I = 0; I < S.Targets.size(); ++I) {
    uint32_t Slot = S.Targets[I]->Variable.Slot;
    if (!Inner.Slots[Slot].isMissing())
      continue;
    Inner.Slots[Slot] =
        I >= FirstDefault
            ? evaluate(*S.Defaults[I - FirstDefault], Inner)
            : Value::undefined("the parameter '" + S.Targets[I]->Text +
                               "' is not given");
  }
  run(S.Body, Inner);
  return Make.string(To.take());
}

void Interpreter::runCall(const Stmt &S, Frame &F) {
  Value Caller = makeFunction(S, F);
  if (!S.Source) {
    // {% generation %} only marks its text.
    write(call(*this, Caller, {}).text());
    return;
  }
  Value Result = evaluateCall(*S.Source, F, &Caller);
  Where = S.At;
  writeResult(Result, "call");
}
