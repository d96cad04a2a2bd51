// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values: how they are made, compared and iterated.
#include "runtime/text/jinja/Value.h"

#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace dure;
using namespace dure::jinja;

//===-- Access
//-------------------------------------------------------------===//

const std::string &Value::text() const { return string().Text; }
const StringObject &Value::string() const {
  assert(K == Kind::String || K == Kind::Undefined);
  return static_cast<const StringObject &>(*Ref);
}
const std::vector<Value> &Value::items() const { return sequence().Items; }
const SequenceObject &Value::sequence() const {
  assert(isSequence());
  return static_cast<const SequenceObject &>(*Ref);
}
const DictObject &Value::dict() const {
  assert(K == Kind::Dict);
  return static_cast<const DictObject &>(*Ref);
}
const ViewObject &Value::view() const {
  assert(K == Kind::View);
  return static_cast<const ViewObject &>(*Ref);
}
const RangeObject &Value::range() const {
  assert(K == Kind::Range);
  return static_cast<const RangeObject &>(*Ref);
}
IteratorObject &Value::iterator() const {
  assert(K == Kind::Iterator);
  return static_cast<IteratorObject &>(*Ref);
}
NamespaceObject &Value::space() const {
  assert(K == Kind::Namespace);
  return static_cast<NamespaceObject &>(*Ref);
}
const CallableObject &Value::callable() const {
  assert(K == Kind::Callable);
  return static_cast<const CallableObject &>(*Ref);
}
LoopObject &Value::loop() const {
  assert(K == Kind::Loop);
  return static_cast<LoopObject &>(*Ref);
}
CyclerObject &Value::cycler() const {
  assert(K == Kind::Cycler);
  return static_cast<CyclerObject &>(*Ref);
}

unsigned Value::depth() const { return Ref ? Ref->Depth : 0; }

unsigned jinja::depthOf(const std::vector<Value> &Values) {
  unsigned Depth = 0;
  for (const Value &Each : Values)
    Depth = std::max(Depth, Each.depth());
  return Depth;
}

unsigned jinja::depthOf(const Arguments &Given) {
  unsigned Depth = depthOf(Given.Positional);
  for (const auto &Each : Given.Named)
    Depth = std::max(Depth, Each.second.depth());
  return Depth;
}

//===-- Making
//-------------------------------------------------------------===//

static std::shared_ptr<StringObject> newString(std::string Text) {
  auto Made = std::make_shared<StringObject>();
  Made->Length = lengthOf(Text);
  Made->Text = std::move(Text);
  return Made;
}

Value Value::undefined(std::string Why) {
  return Value(Kind::Undefined, newString(std::move(Why)));
}
Value Value::constant(std::string Text) {
  return Value(Kind::String, newString(std::move(Text)));
}

Value Maker::string(std::string Text, bool IsMarkup) const {
  std::shared_ptr<StringObject> Made = newString(std::move(Text));
  Made->charge(M, sizeof(StringObject) + Made->Text.capacity());
  Made->IsMarkup = IsMarkup;
  return Value(Kind::String, std::move(Made));
}

static unsigned checkDepth(unsigned Depth) {
  if (Depth > MaxValueDepth)
    failLimit("values are too deep inside each other");
  return Depth;
}

Value Maker::sequence(Kind K, std::vector<Value> Items, bool IsGroup) const {
  auto Made = std::make_shared<SequenceObject>();
  Made->charge(M, sizeof(SequenceObject) + Items.capacity() * sizeof(Value));
  Made->Depth = checkDepth(depthOf(Items) + 1);
  Made->Items = std::move(Items);
  Made->IsGroup = IsGroup;
  return Value(K, std::move(Made));
}

Value Maker::list(std::vector<Value> Items) const {
  return sequence(Kind::List, std::move(Items), /*IsGroup=*/false);
}
Value Maker::tuple(std::vector<Value> Items) const {
  return sequence(Kind::Tuple, std::move(Items), /*IsGroup=*/false);
}
Value Maker::group(Value Grouper, Value List) const {
  return sequence(Kind::Tuple, {std::move(Grouper), std::move(List)},
                  /*IsGroup=*/true);
}
Value Maker::pair(Value First, Value Second) const {
  return tuple({std::move(First), std::move(Second)});
}

Value Maker::dict(std::vector<std::pair<Value, Value>> Items) const {
  auto Made = std::make_shared<DictObject>();
  // An index takes about as much as the items.
  Made->charge(M, sizeof(DictObject) + Items.size() * 4 * sizeof(Value));
  Made->Depth = 1;
  for (auto &[Key, Each] : Items) {
    Made->Depth =
        checkDepth(std::max({Made->Depth, Key.depth() + 1, Each.depth() + 1}));
    Made->set(Key, std::move(Each));
  }
  return Value(Kind::Dict, std::move(Made));
}

Value Maker::view(Value Dict, ViewObject::Part Which) const {
  auto Made = std::make_shared<ViewObject>();
  Made->charge(M, sizeof(ViewObject));
  Made->Depth = checkDepth(Dict.depth() + 1);
  Made->Of = std::move(Dict);
  Made->Which = Which;
  return Value(Kind::View, std::move(Made));
}

Value Maker::range(int64_t Start, int64_t Stop, int64_t Step) const {
  auto Made = std::make_shared<RangeObject>();
  Made->charge(M, sizeof(RangeObject));
  Made->Start = Start;
  Made->Stop = Stop;
  Made->Step = Step;
  // Unsigned: the difference of two numbers may need 64 bits.
  if (Step > 0 && Start < Stop)
    Made->Length = int64_t(std::min<uint64_t>(
        (uint64_t(Stop) - uint64_t(Start) - 1) / uint64_t(Step) + 1,
        MaxRange + 1));
  else if (Step < 0 && Start > Stop)
    Made->Length = int64_t(std::min<uint64_t>(
        (uint64_t(Start) - uint64_t(Stop) - 1) / (0 - uint64_t(Step)) + 1,
        MaxRange + 1));
  return Value(Kind::Range, std::move(Made));
}

Value Maker::iterator(unsigned Depth,
                      std::function<std::vector<Value>()> Make) const {
  auto Made = std::make_shared<IteratorObject>();
  Made->charge(M, sizeof(IteratorObject));
  Made->Depth = checkDepth(Depth + 1);
  Made->Make = std::move(Make);
  return Value(Kind::Iterator, std::move(Made));
}

Value Maker::callable(std::string Name, unsigned Depth, Function Call) const {
  auto Made = std::make_shared<CallableObject>();
  Made->charge(M, sizeof(CallableObject) + Name.size());
  Made->Depth = checkDepth(Depth + 1);
  Made->Name = std::move(Name);
  Made->Call = std::move(Call);
  return Value(Kind::Callable, std::move(Made));
}

Value Maker::cycler(std::vector<Value> Items) const {
  auto Made = std::make_shared<CyclerObject>();
  Made->charge(M, sizeof(CyclerObject) + Items.capacity() * sizeof(Value));
  Made->Depth = checkDepth(depthOf(Items) + 1);
  Made->Items = std::move(Items);
  return Value(Kind::Cycler, std::move(Made));
}

void IteratorObject::prepare() {
  if (!Make)
    return;
  // Moved first: what makes the items may come back to this iterator, which
  // then is at its end.
  auto MakeOnce = std::move(Make);
  Make = nullptr;
  Items = MakeOnce();
}

const Value *LoopObject::find(size_t Number) {
  while (Items.size() <= Number && Next < Source.size()) {
    const Value &Each = Source[Next++];
    if (!Accepts || Accepts(Each))
      Items.push_back(Each);
  }
  return Number < Items.size() ? &Items[Number] : nullptr;
}

size_t LoopObject::length() {
  if (!Accepts)
    return Items.size() + (Source.size() - Next);
  find(SIZE_MAX - 1);
  return Items.size();
}

//===-- Dicts
//--------------------------------------------------------------===//

/// Below this many keys they are compared one by one.
static constexpr size_t FewKeys = 8;
/// Bytes of a tuple as a key: it may hold one long string many times.
static constexpr size_t MaxKey = 1 << 16;

std::string jinja::keyCode(const Value &Key) {
  auto Integral = [](int64_t I) { return "i" + std::to_string(I); };
  switch (Key.kind()) {
  case Kind::String:
    return "s" + Key.text();
  case Kind::None:
    return "n";
  case Kind::Undefined:
    return "u";
  case Kind::Bool:
  case Kind::Int:
    return Integral(Key.integer());
  case Kind::Float: {
    double D = Key.number();
    if (D == std::floor(D) && std::abs(D) < 9.2e18)
      return Integral(int64_t(D));
    return "f" + floatRepr(D);
  }
  case Kind::Tuple: {
    std::string Code = "(";
    for (const Value &Each : Key.items()) {
      std::string Part = keyCode(Each);
      if (Code.size() + Part.size() > MaxKey)
        failLimit("the key of a dict is too large");
      Code += std::to_string(Part.size()) + ":" + Part;
    }
    return Code;
  }
  case Kind::View:
    if (Key.view().Which == ViewObject::Part::Values)
      return "p" + std::to_string(reinterpret_cast<uintptr_t>(Key.object()));
    [[fallthrough]];
  case Kind::List:
  case Kind::Dict:
    fail("a " + typeName(Key) + " cannot be the key of a dict");
  default:
    return "p" + std::to_string(reinterpret_cast<uintptr_t>(Key.object()));
  }
}

const Value *DictObject::findKey(const std::string &Code) const {
  auto Found = Index.find(Code);
  return Found == Index.end() ? nullptr : &Items[Found->second].second;
}

const Value *DictObject::find(std::string_view Key) const {
  if (!Index.empty())
    return findKey("s" + std::string(Key));
  for (const auto &[Each, Of] : Items)
    if (Each.isString() && Each.text() == Key)
      return &Of;
  return nullptr;
}

const Value *DictObject::find(const Value &Key) const {
  if (Key.isString())
    return find(Key.text());
  std::string Code = keyCode(Key);
  if (!Index.empty())
    return findKey(Code);
  for (const auto &[Each, Of] : Items)
    if (keyCode(Each) == Code)
      return &Of;
  return nullptr;
}

void DictObject::set(const Value &Key, Value To) {
  if (const Value *Found = find(Key)) {
    const_cast<Value &>(*Found) = std::move(To);
    return;
  }
  std::string Code = keyCode(Key);
  Items.emplace_back(Key, std::move(To));
  if (Items.size() <= FewKeys)
    return;
  if (Index.empty())
    for (size_t I = 0; I + 1 < Items.size(); ++I)
      Index[keyCode(Items[I].first)] = I;
  Index[std::move(Code)] = Items.size() - 1;
}

//===-- What values are
//----------------------------------------------------===//

std::string jinja::typeName(const Value &V) {
  switch (V.kind()) {
  case Kind::Missing:
  case Kind::Undefined:
    return "Undefined";
  case Kind::None:
    return "NoneType";
  case Kind::Bool:
    return "bool";
  case Kind::Int:
    return "int";
  case Kind::Float:
    return "float";
  case Kind::String:
    return V.string().IsMarkup ? "Markup" : "str";
  case Kind::List:
    return "list";
  case Kind::Tuple:
    return "tuple";
  case Kind::Dict:
    return "dict";
  case Kind::View:
    return "dict view";
  case Kind::Range:
    return "range";
  case Kind::Iterator:
    return "iterator";
  case Kind::Namespace:
    return "namespace";
  case Kind::Callable:
    return V.callable().IsMacro ? "macro" : "function";
  case Kind::Loop:
    return "loop";
  case Kind::Cycler:
    return "cycler";
  }
  return "";
}

std::optional<int64_t> jinja::lengthOf(const Value &V) {
  switch (V.kind()) {
  case Kind::Undefined:
    return 0;
  case Kind::String:
    return int64_t(V.string().Length);
  case Kind::List:
  case Kind::Tuple:
    return int64_t(V.items().size());
  case Kind::Dict:
    return int64_t(V.dict().Items.size());
  case Kind::View:
    return int64_t(V.view().Of.dict().Items.size());
  case Kind::Range:
    return V.range().Length;
  case Kind::Loop:
    return int64_t(V.loop().length());
  default:
    return std::nullopt;
  }
}

bool jinja::isTrue(const Value &V) {
  switch (V.kind()) {
  case Kind::Missing:
  case Kind::None:
    return false;
  case Kind::Bool:
  case Kind::Int:
    return V.integer() != 0;
  case Kind::Float:
    return V.number() != 0;
  default:
    return lengthOf(V).value_or(1) != 0;
  }
}

bool jinja::isIterable(const Value &V) {
  return lengthOf(V) || V.is(Kind::Iterator);
}

//===-- Comparison
//---------------------------------------------------------===//

/// Exactly, though not every int is a float.
static std::optional<int> compareNumbers(const Value &A, const Value &B) {
  auto Sign = [](auto X, auto Y) { return X < Y ? -1 : int(X > Y); };
  if (A.isIntegral() && B.isIntegral())
    return Sign(A.integer(), B.integer());
  if (A.is(Kind::Float) && B.is(Kind::Float)) {
    if (std::isnan(A.number()) || std::isnan(B.number()))
      return std::nullopt;
    return Sign(A.number(), B.number());
  }
  if (A.is(Kind::Float)) {
    std::optional<int> Other = compareNumbers(B, A);
    return Other ? std::optional(-*Other) : Other;
  }
  double D = B.number();
  if (std::isnan(D))
    return std::nullopt;
  if (D >= 0x1p63)
    return -1;
  if (D < -0x1p63)
    return 1;
  int64_t Whole = int64_t(D);
  if (A.integer() != Whole)
    return Sign(A.integer(), Whole);
  return Sign(0.0, D - double(Whole));
}

static bool equalViews(Meter &M, const Value &A, const Value &B) {
  const ViewObject &X = A.view(), &Y = B.view();
  if (X.Which == ViewObject::Part::Values || X.Which != Y.Which)
    return A.object() == B.object();
  const DictObject &Dict = X.Of.dict(), &Other = Y.Of.dict();
  if (Dict.Items.size() != Other.Items.size())
    return false;
  return std::all_of(Dict.Items.begin(), Dict.Items.end(),
                     [&](const auto &Item) {
                       const Value *Found = Other.find(Item.first);
                       return Found && (X.Which == ViewObject::Part::Keys ||
                                        equal(M, Item.second, *Found));
                     });
}

static bool equalDicts(Meter &M, const DictObject &A, const DictObject &B) {
  if (A.Items.size() != B.Items.size())
    return false;
  return std::all_of(A.Items.begin(), A.Items.end(), [&](const auto &Item) {
    const Value *Found = B.find(Item.first);
    return Found && equal(M, Item.second, *Found);
  });
}

bool jinja::equal(Meter &M, const Value &A, const Value &B) {
  M.step();
  if (A.isNumber() && B.isNumber())
    return compareNumbers(A, B) == 0;
  if (A.kind() != B.kind())
    return false;
  switch (A.kind()) {
  case Kind::Undefined:
  case Kind::None:
    return true;
  case Kind::String:
    M.step(A.text().size() / 64);
    return A.text() == B.text();
  case Kind::List:
  case Kind::Tuple:
    return A.object() == B.object() ||
           std::equal(A.items().begin(), A.items().end(), B.items().begin(),
                      B.items().end(), [&](const Value &X, const Value &Y) {
                        return equal(M, X, Y);
                      });
  case Kind::Dict:
    return A.object() == B.object() || equalDicts(M, A.dict(), B.dict());
  case Kind::View:
    return equalViews(M, A, B);
  case Kind::Range: {
    const RangeObject &X = A.range(), &Y = B.range();
    return X.Length == Y.Length &&
           (X.Length == 0 ||
            (X.Start == Y.Start && (X.Length == 1 || X.Step == Y.Step)));
  }
  default:
    return A.object() == B.object();
  }
}

bool jinja::same(const Value &A, const Value &B) {
  if (A.kind() != B.kind())
    return false;
  switch (A.kind()) {
  case Kind::None:
    return true;
  case Kind::Bool:
  case Kind::Int:
    return A.integer() == B.integer();
  case Kind::Float:
    return A.number() == B.number();
  case Kind::String:
    return A.object() == B.object() || A.text() == B.text();
  default:
    return A.object() == B.object();
  }
}

std::optional<int> jinja::compare(Meter &M, const Value &A, const Value &B) {
  M.step();
  if (A.isUndefined() || B.isUndefined())
    fail((A.isUndefined() ? A : B).reason());
  if (A.isNumber() && B.isNumber())
    return compareNumbers(A, B);
  if (A.isString() && B.isString()) {
    M.step(A.text().size() / 64);
    // The order of UTF-8 is that of its characters.
    return A.text().compare(B.text());
  }
  if (A.isSequence() && A.kind() == B.kind()) {
    const std::vector<Value> &X = A.items(), &Y = B.items();
    for (size_t I = 0; I < std::min(X.size(), Y.size()); ++I)
      if (!equal(M, X[I], Y[I]))
        return compare(M, X[I], Y[I]);
    return X.size() < Y.size() ? -1 : int(X.size() > Y.size());
  }
  fail("there is no order between " + typeName(A) + " and " + typeName(B));
}

//===-- Iteration
//----------------------------------------------------------===//

static std::vector<Value> charactersOf(const Maker &Make, const Value &V) {
  const StringObject &S = V.string();
  Make.M.expect(S.Length, sizeof(Value) + sizeof(StringObject));
  std::vector<Value> Items;
  Items.reserve(S.Length);
  for (size_t At = 0; At < S.Text.size();) {
    size_t Begin = At;
    nextCharacter(S.Text, At);
    Items.push_back(Make.string(S.Text.substr(Begin, At - Begin)));
  }
  return Items;
}

static std::vector<Value> itemsOfView(const Maker &Make, const ViewObject &V) {
  const auto &Of = V.Of.dict().Items;
  std::vector<Value> Items;
  Items.reserve(Of.size());
  for (const auto &[Key, Each] : Of)
    Items.push_back(V.Which == ViewObject::Part::Keys ? Key
                    : V.Which == ViewObject::Part::Values
                        ? Each
                        : Make.pair(Key, Each));
  return Items;
}

std::vector<Value> jinja::iterate(const Maker &Make, const Value &V) {
  if (std::optional<int64_t> Length = lengthOf(V))
    Make.M.expect(uint64_t(*Length), sizeof(Value));
  std::vector<Value> Items;
  switch (V.kind()) {
  case Kind::Undefined:
    return Items;
  case Kind::String:
    return charactersOf(Make, V);
  case Kind::List:
  case Kind::Tuple:
    return V.items();
  case Kind::Dict:
    for (const auto &Item : V.dict().Items)
      Items.push_back(Item.first);
    return Items;
  case Kind::View:
    return itemsOfView(Make, V.view());
  case Kind::Range:
    for (int64_t I = 0; I < V.range().Length; ++I)
      Items.push_back(Value::integer(V.range().Start + I * V.range().Step));
    return Items;
  case Kind::Iterator: {
    IteratorObject &I = V.iterator();
    I.prepare();
    Make.M.expect(I.Items.size() - I.Next, sizeof(Value));
    Items.assign(I.Items.begin() + ptrdiff_t(I.Next), I.Items.end());
    I.Next = I.Items.size();
    return Items;
  }
  case Kind::Loop:
    fail("the loop itself cannot be iterated here");
  default:
    fail(typeName(V) + " cannot be iterated");
  }
}
