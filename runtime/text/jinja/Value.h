// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The values of a template, with the meaning that Python gives them.
//
// Values are immutable but for namespaces, iterators, loops and cyclers, which
// one rendering owns. Used by this folder alone; not safe between threads.
#ifndef DURE_RUNTIME_TEXT_JINJA_VALUE_H
#define DURE_RUNTIME_TEXT_JINJA_VALUE_H

#include "runtime/text/jinja/Memory.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dure::jinja {

enum class Kind : uint8_t {
  /// No value at all: a variable that nothing has set. Templates never see it.
  Missing,
  Undefined,
  None,
  Bool,
  Int,
  Float,
  String,
  List,
  Tuple,
  Dict,
  /// What dict.keys(), values() and items() give.
  View,
  Range,
  /// Read once: generators and what reversed() gives.
  Iterator,
  Namespace,
  /// Functions, macros and bound methods.
  Callable,
  Loop,
  Cycler,
};

struct Object;
struct StringObject;
struct SequenceObject;
struct DictObject;
struct ViewObject;
struct RangeObject;
struct IteratorObject;
struct NamespaceObject;
struct CallableObject;
struct LoopObject;
struct CyclerObject;

class Value {
public:
  Value() = default;
  static Value none() { return Value(Kind::None); }
  static Value boolean(bool B) {
    Value V(Kind::Bool);
    V.Integer = B;
    return V;
  }
  static Value integer(int64_t I) {
    Value V(Kind::Int);
    V.Integer = I;
    return V;
  }
  static Value real(double D) {
    Value V(Kind::Float);
    V.Real = D;
    return V;
  }
  /// `Why` is said where the value is used as if it were defined.
  static Value undefined(std::string Why);
  /// A string that belongs to the template, not to a rendering.
  static Value constant(std::string Text);

  Value(Kind K, std::shared_ptr<Object> Ref) : K(K), Ref(std::move(Ref)) {}

  Kind kind() const { return K; }
  bool is(Kind Other) const { return K == Other; }
  bool isMissing() const { return K == Kind::Missing; }
  bool isUndefined() const { return K == Kind::Undefined; }
  bool isString() const { return K == Kind::String; }
  /// An int, or a bool, which is one in Python.
  bool isIntegral() const { return K == Kind::Int || K == Kind::Bool; }
  bool isNumber() const { return isIntegral() || K == Kind::Float; }
  bool isSequence() const { return K == Kind::List || K == Kind::Tuple; }

  bool boolean() const { return Integer != 0; }
  int64_t integer() const { return Integer; }
  /// Any number as a float.
  double number() const { return K == Kind::Float ? Real : double(Integer); }

  const std::string &text() const;
  const StringObject &string() const;
  const std::vector<Value> &items() const;
  const SequenceObject &sequence() const;
  const DictObject &dict() const;
  const ViewObject &view() const;
  const RangeObject &range() const;
  IteratorObject &iterator() const;
  NamespaceObject &space() const;
  const CallableObject &callable() const;
  LoopObject &loop() const;
  CyclerObject &cycler() const;
  /// Why an undefined value is.
  const std::string &reason() const { return text(); }

  const Object *object() const { return Ref.get(); }
  const std::shared_ptr<Object> &shared() const { return Ref; }
  /// See Object::Depth.
  unsigned depth() const;

private:
  explicit Value(Kind K) : K(K) {}

  Kind K = Kind::Missing;
  union {
    int64_t Integer = 0;
    double Real;
  };
  std::shared_ptr<Object> Ref;
};

/// The arguments of a call. Names are unique.
struct Arguments {
  std::vector<Value> Positional;
  std::vector<std::pair<std::string, Value>> Named;
};

class Interpreter;
using Function = std::function<Value(Interpreter &, const Arguments &)>;

struct Object {
  virtual ~Object() {
    if (Owner)
      Owner->release(Held);
  }
  Object() = default;
  Object(const Object &) = delete;
  Object &operator=(const Object &) = delete;

  /// Values inside each other, this one included; 0 for what holds none. What
  /// uses values in turn can then call itself. Namespaces count as nothing: a
  /// rendering frees each by itself.
  unsigned Depth = 0;

  /// Charges `Bytes` to the rendering for as long as the object lives.
  void charge(Meter &M, uint64_t Bytes) {
    M.hold(Bytes);
    Owner = &M;
    Held += Bytes;
  }

private:
  Meter *Owner = nullptr;
  uint64_t Held = 0;
};

struct StringObject final : Object {
  std::string Text;
  /// In characters.
  size_t Length = 0;
  /// Escaped for HTML: what `escape` and `safe` give.
  bool IsMarkup = false;

  bool isAscii() const { return Length == Text.size(); }
};

struct SequenceObject final : Object {
  std::vector<Value> Items;
  /// A tuple of `groupby`, whose members have names, too.
  bool IsGroup = false;
};

struct DictObject final : Object {
  std::vector<std::pair<Value, Value>> Items;

  /// The value of a key, or null. Fails for a key that cannot be one.
  const Value *find(const Value &Key) const;
  const Value *find(std::string_view Key) const;
  /// Adds a key or replaces its value. Only while the dict is being made.
  void set(const Value &Key, Value To);

private:
  const Value *findKey(const std::string &Code) const;
  // By what keyCode() says; built once there are more than a few keys.
  std::unordered_map<std::string, size_t> Index;
};

struct ViewObject final : Object {
  enum class Part { Keys, Values, Items };
  Value Of;
  Part Which = Part::Keys;
};

struct RangeObject final : Object {
  int64_t Start = 0, Stop = 0, Step = 1, Length = 0;
};

struct IteratorObject final : Object {
  /// Makes all items, when the first is asked for.
  std::function<std::vector<Value>()> Make;
  std::vector<Value> Items;
  size_t Next = 0;

  void prepare();
};

struct NamespaceObject final : Object {
  Value Attributes;
};

struct CallableObject final : Object {
  std::string Name;
  Function Call;
  /// A macro; its own attributes are Name and its arguments.
  bool IsMacro = false;
};

struct CyclerObject final : Object {
  std::vector<Value> Items;
  size_t At = 0;
};

/// The variable `loop`.
struct LoopObject final : Object {
  /// Items that the loop's condition has let through so far.
  std::vector<Value> Items;
  /// What is left to look at, from `Next` on.
  std::vector<Value> Source;
  size_t Next = 0;
  /// The condition; empty if there is none.
  std::function<bool(const Value &)> Accepts;
  size_t Index = 0;
  /// Recursive loops around this one.
  int64_t Level = 0;
  /// What loop.changed() was called with last.
  Value Changed;
  /// Of a recursive loop: renders its body for other items.
  std::function<std::string(const Value &, int64_t)> Recurse;

  /// The item of a number, or null behind the last. Looks no further than it
  /// must: a condition may depend on what the body does.
  const Value *find(size_t Number);
  size_t length();
};

/// What makes values of one rendering.
class Maker {
public:
  explicit Maker(Meter &M) : M(M) {}

  Value string(std::string Text, bool IsMarkup = false) const;
  Value list(std::vector<Value> Items) const;
  Value tuple(std::vector<Value> Items) const;
  Value group(Value Grouper, Value List) const;
  Value pair(Value First, Value Second) const;
  /// From pairs; a later key replaces an earlier one.
  Value dict(std::vector<std::pair<Value, Value>> Items) const;
  Value view(Value Dict, ViewObject::Part Which) const;
  Value range(int64_t Start, int64_t Stop, int64_t Step) const;
  /// `Depth` is that of the values that `Make` or `Call` keep.
  Value iterator(unsigned Depth,
                 std::function<std::vector<Value>()> Make) const;
  Value callable(std::string Name, unsigned Depth, Function Call) const;
  Value cycler(std::vector<Value> Items) const;

  Meter &M;

private:
  Value sequence(Kind K, std::vector<Value> Items, bool IsGroup) const;
};

/// The largest depth of values, 0 of none.
unsigned depthOf(const std::vector<Value> &Values);
unsigned depthOf(const Arguments &Given);

/// What Python calls the type, such as "str".
std::string typeName(const Value &V);

bool isTrue(const Value &V);
/// Python's ==.
bool equal(Meter &M, const Value &A, const Value &B);
/// Python's `is`, where it does not depend on the interpreter.
bool same(const Value &A, const Value &B);
/// Negative, 0 or positive; fails for values without order. Unordered (NaN)
/// gives no result.
std::optional<int> compare(Meter &M, const Value &A, const Value &B);
/// Two keys of a dict are the same where their codes are. Fails for a value
/// that cannot be a key.
std::string keyCode(const Value &Key);

/// The items that a loop would see; fails for what is not iterable. Empties an
/// iterator.
std::vector<Value> iterate(const Maker &Make, const Value &V);
bool isIterable(const Value &V);
/// len(), or none.
std::optional<int64_t> lengthOf(const Value &V);

/// Python's str() and repr().
std::string str(Meter &M, const Value &V);
std::string repr(Meter &M, const Value &V);

} // namespace dure::jinja

#endif // DURE_RUNTIME_TEXT_JINJA_VALUE_H
