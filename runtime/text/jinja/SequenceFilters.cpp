// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Filters of values with items.
#include "runtime/text/jinja/Filters.h"
#include "runtime/text/jinja/Interpreter.h"
#include "runtime/text/jinja/Sort.h"
#include "runtime/text/jinja/Unicode.h"

#include <algorithm>
#include <set>

using namespace dure;
using namespace dure::jinja;

static bool isGiven(const Value &V) {
  return !V.isMissing() && !V.is(Kind::None);
}
static bool isSet(const Value &V) { return !V.isMissing() && isTrue(V); }

namespace {
/// Looks up what filters call an attribute: a name, a path such as "a.b.0", or
/// an index. Without one, the value itself.
class Getter {
public:
  Getter(Interpreter &In, const Value &Attribute, bool IgnoreCase = false,
         Value Default = Value())
      : In(In), IgnoreCase(IgnoreCase), Default(std::move(Default)) {
    if (!isGiven(Attribute))
      return;
    if (!Attribute.isString()) {
      Parts.push_back(Attribute);
      return;
    }
    std::string_view Rest = Attribute.text();
    while (true) {
      size_t Dot = Rest.find('.');
      Parts.push_back(part(Rest.substr(0, Dot)));
      if (Dot == Rest.npos)
        return;
      Rest.remove_prefix(Dot + 1);
    }
  }

  Value operator()(Value Of) const {
    for (const Value &Each : Parts) {
      In.M.step();
      Of = item(In, Of, Each);
      if (Of.isUndefined() && isGiven(Default))
        Of = Default;
    }
    if (IgnoreCase && Of.isString())
      return In.Make.string(lower(Of.text()));
    return Of;
  }

private:
  Value part(std::string_view Name) const {
    bool IsIndex = !Name.empty() && Name.size() < 18 &&
                   std::all_of(Name.begin(), Name.end(), isDigit);
    return IsIndex ? Value::integer(std::stoll(std::string(Name)))
                   : In.Make.string(std::string(Name));
  }

  Interpreter &In;
  std::vector<Value> Parts;
  bool IgnoreCase;
  Value Default;
};

struct Keyed {
  Value Key, Of;
};
} // namespace

/// Stable, as Python's sorted().
static void sortByKey(Interpreter &In, std::vector<Keyed> &All, bool Reverse) {
  if (Reverse)
    std::reverse(All.begin(), All.end());
  stableSort(All, [&](const Keyed &A, const Keyed &B) {
    std::optional<int> Order = compare(In.M, A.Key, B.Key);
    return Order && *Order < 0;
  });
  if (Reverse)
    std::reverse(All.begin(), All.end());
}

static Value valuesOf(Interpreter &In, std::vector<Keyed> &All) {
  std::vector<Value> Items;
  for (Keyed &Each : All)
    Items.push_back(std::move(Each.Of));
  return In.Make.list(std::move(Items));
}

static Value sortItems(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(
      "sort", Given, {"value", "reverse", "case_sensitive", "attribute"}, 1);
  std::vector<Getter> Getters;
  bool IgnoreCase = !isSet(Bound[2]);
  if (Bound[3].isString()) {
    // Several attributes with commas between them.
    std::string_view Rest = Bound[3].text();
    for (size_t Comma = 0; Comma != Rest.npos;) {
      Comma = Rest.find(',');
      Getters.emplace_back(
          In, In.Make.string(std::string(Rest.substr(0, Comma))), IgnoreCase);
      Rest.remove_prefix(Comma == Rest.npos ? 0 : Comma + 1);
    }
  } else {
    Getters.emplace_back(In, Bound[3], IgnoreCase);
  }
  std::vector<Keyed> All;
  for (Value &Each : iterate(In.Make, Bound[0])) {
    std::vector<Value> Key;
    for (const Getter &Get : Getters)
      Key.push_back(Get(Each));
    All.push_back({In.Make.list(std::move(Key)), std::move(Each)});
  }
  sortByKey(In, All, isSet(Bound[1]));
  return valuesOf(In, All);
}

static Value sortDict(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("dictsort", Given,
                             {"value", "case_sensitive", "by", "reverse"}, 1);
  std::string By = Bound[2].isMissing() ? "key" : toText(Bound[2], "`by`");
  if (By != "key" && By != "value")
    fail("dictsort sorts by 'key' or by 'value'");
  if (Bound[0].isUndefined())
    fail(Bound[0].reason());
  if (!Bound[0].is(Kind::Dict))
    fail("dictsort takes a dict, not " + typeName(Bound[0]));
  std::vector<Keyed> All;
  for (const auto &[Key, Each] : Bound[0].dict().Items) {
    Value By_ = By == "key" ? Key : Each;
    if (!isSet(Bound[1]) && By_.isString())
      By_ = In.Make.string(lower(By_.text()));
    All.push_back({By_, In.Make.pair(Key, Each)});
  }
  sortByKey(In, All, isSet(Bound[3]));
  return valuesOf(In, All);
}

static Value groupItems(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(
      "groupby", Given, {"value", "attribute", "default", "case_sensitive"}, 2);
  bool IgnoreCase = !isSet(Bound[3]);
  Getter Get(In, Bound[1], IgnoreCase, Bound[2]);
  Getter GetName(In, Bound[1], /*IgnoreCase=*/false, Bound[2]);
  std::vector<Keyed> All;
  for (Value &Each : iterate(In.Make, Bound[0]))
    All.push_back({Get(Each), Each});
  sortByKey(In, All, /*Reverse=*/false);
  std::vector<Value> Groups;
  for (size_t I = 0; I < All.size();) {
    size_t Begin = I;
    std::vector<Value> Members;
    for (; I < All.size() && equal(In.M, All[I].Key, All[Begin].Key); ++I)
      Members.push_back(All[I].Of);
    // NaN is not equal to itself.
    if (I == Begin)
      Members.push_back(All[I++].Of);
    Value Name = GetName(Members[0]);
    Groups.push_back(In.Make.group(Name, In.Make.list(std::move(Members))));
  }
  return In.Make.list(std::move(Groups));
}

static Value uniqueItems(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("unique", Given,
                             {"value", "case_sensitive", "attribute"}, 1);
  return In.Make.iterator(depthOf(Bound), [&In, Bound] {
    Getter Get(In, Bound[2], !isSet(Bound[1]));
    std::set<std::string> Seen;
    std::vector<Value> Items;
    for (Value &Each : iterate(In.Make, Bound[0])) {
      In.M.step();
      if (Seen.insert(keyCode(Get(Each))).second)
        Items.push_back(std::move(Each));
    }
    return Items;
  });
}

/// min and max: the first of equal ones.
template <int Sign>
static Value extreme(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments(Sign < 0 ? "min" : "max", Given,
                             {"value", "case_sensitive", "attribute"}, 1);
  Getter Get(In, Bound[2], !isSet(Bound[1]));
  Keyed Best;
  for (Value &Each : iterate(In.Make, Bound[0])) {
    Value Key = Get(Each);
    bool IsBetter = Best.Of.isMissing();
    if (!IsBetter) {
      std::optional<int> Order = compare(In.M, Key, Best.Key);
      IsBetter = Order && *Order * Sign > 0;
    }
    if (IsBetter)
      Best = {std::move(Key), std::move(Each)};
  }
  return Best.Of.isMissing() ? Value::undefined("the sequence has no items")
                             : Best.Of;
}

static Value sumItems(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("sum", Given, {"iterable", "attribute", "start"}, 1);
  Getter Get(In, Bound[1]);
  Value Sum = Bound[2].isMissing() ? Value::integer(0) : Bound[2];
  if (Sum.isString())
    fail("sum does not join strings; use the filter join");
  for (const Value &Each : iterate(In.Make, Bound[0]))
    Sum = arithmetic(In, Op::Add, Sum, Get(Each));
  return Sum;
}

static Value first(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("first", Given, {"seq"}, 1)[0];
  if (Of.is(Kind::Iterator)) {
    IteratorObject &I = Of.iterator();
    I.prepare();
    return I.Next < I.Items.size()
               ? I.Items[I.Next++]
               : Value::undefined("the sequence has no items");
  }
  if (Of.isString() && !Of.text().empty())
    return item(In, Of, Value::integer(0));
  std::vector<Value> Items = iterate(In.Make, Of);
  return Items.empty() ? Value::undefined("the sequence has no items")
                       : Items.front();
}

static Value last(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("last", Given, {"seq"}, 1)[0];
  if (Of.is(Kind::Iterator) || Of.is(Kind::Loop))
    fail("the last of what is read once is not known; use the filter list");
  if (Of.isString() && !Of.text().empty())
    return item(In, Of, Value::integer(-1));
  std::vector<Value> Items = iterate(In.Make, Of);
  return Items.empty() ? Value::undefined("the sequence has no items")
                       : Items.back();
}

static Value reverse(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("reverse", Given, {"value"}, 1)[0];
  if (Of.isString())
    return slice(In, Of, Value(), Value(), Value::integer(-1));
  std::vector<Value> Items = iterate(In.Make, Of);
  std::reverse(Items.begin(), Items.end());
  // What can only be read forwards becomes a list.
  if (Of.is(Kind::Iterator))
    return In.Make.list(std::move(Items));
  // Charged as long as it lives.
  Value Kept = In.Make.list(std::move(Items));
  return In.Make.iterator(Kept.depth(), [Kept] { return Kept.items(); });
}

static Value list(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("list", Given, {"value"}, 1)[0];
  return In.Make.list(iterate(In.Make, Of));
}

static Value length(Interpreter &, const Arguments &Given) {
  Value Of = bindArguments("length", Given, {"obj"}, 1)[0];
  std::optional<int64_t> Length = lengthOf(Of);
  if (!Length)
    fail(typeName(Of) + " has no length");
  return Value::integer(*Length);
}

static Value items(Interpreter &In, const Arguments &Given) {
  Value Of = bindArguments("items", Given, {"value"}, 1)[0];
  return In.Make.iterator(Of.depth(), [&In, Of]() -> std::vector<Value> {
    if (Of.isUndefined())
      return {};
    if (!Of.is(Kind::Dict))
      fail("items takes a dict, not " + typeName(Of));
    return iterate(In.Make, In.Make.view(Of, ViewObject::Part::Items));
  });
}

static Value join(Interpreter &In, const Arguments &Given) {
  auto Bound = bindArguments("join", Given, {"value", "d", "attribute"}, 1);
  Getter Get(In, Bound[2]);
  std::string Between = Bound[1].isMissing() ? "" : str(In.M, Bound[1]);
  TextBuilder Text(In.M);
  bool IsFirst = true;
  for (const Value &Each : iterate(In.Make, Bound[0])) {
    if (!IsFirst)
      Text.add(Between);
    IsFirst = false;
    Text.add(str(In.M, Get(Each)));
  }
  return In.Make.string(Text.take());
}

/// The arguments behind the first `Count`.
static Arguments behind(const Arguments &Given, size_t Count) {
  Arguments Rest;
  Rest.Positional.assign(
      Given.Positional.begin() +
          ptrdiff_t(std::min(Count, Given.Positional.size())),
      Given.Positional.end());
  Rest.Named = Given.Named;
  return Rest;
}

static Value map(Interpreter &In, const Arguments &Given) {
  return In.Make.iterator(depthOf(Given), [&In, Given]() -> std::vector<Value> {
    const Value &Of = Given.Positional[0];
    if (!isTrue(Of))
      return {};
    std::vector<Value> Items;
    bool ByAttribute =
        Given.Positional.size() == 1 &&
        std::any_of(Given.Named.begin(), Given.Named.end(),
                    [](const auto &Each) { return Each.first == "attribute"; });
    if (ByAttribute) {
      auto Bound =
          bindArguments("map", behind(Given, 1), {"attribute", "default"}, 1);
      Getter Get(In, Bound[0], /*IgnoreCase=*/false, Bound[1]);
      for (Value &Each : iterate(In.Make, Of))
        Items.push_back(Get(std::move(Each)));
      return Items;
    }
    if (Given.Positional.size() < 2)
      fail("map needs the name of a filter or an attribute");
    const std::string &Name = toText(Given.Positional[1], "a filter's name");
    Arguments Rest = behind(Given, 1);
    for (Value &Each : iterate(In.Make, Of)) {
      Rest.Positional[0] = std::move(Each);
      Items.push_back(callFilter(In, Name, Rest));
    }
    return Items;
  });
}

/// select and reject, selectattr and rejectattr.
template <bool Wanted, bool ByAttribute>
static Value select(Interpreter &In, const Arguments &Given) {
  return In.Make.iterator(depthOf(Given), [&In, Given]() -> std::vector<Value> {
    const Value &Of = Given.Positional[0];
    if (!isTrue(Of))
      return {};
    if (ByAttribute && Given.Positional.size() < 2)
      fail("the filter needs the name of an attribute");
    Getter Get(In, ByAttribute ? Given.Positional[1] : Value());
    constexpr size_t TestAt = ByAttribute ? 2 : 1;
    bool HasTest = Given.Positional.size() > TestAt;
    Arguments Rest = behind(Given, TestAt);
    std::vector<Value> Items;
    for (Value &Each : iterate(In.Make, Of)) {
      Value Looked = Get(Each);
      bool Holds = false;
      if (HasTest) {
        Rest.Positional[0] = Looked;
        Holds = callTest(In, toText(Given.Positional[TestAt], "a test's name"),
                         Rest);
      } else {
        Holds = isTrue(Looked);
      }
      if (Holds == Wanted)
        Items.push_back(std::move(Each));
    }
    return Items;
  });
}

static Value batch(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("batch", Given, {"value", "linecount", "fill_with"}, 2);
  return In.Make.iterator(depthOf(Bound), [&In, Bound] {
    int64_t Size = toIndex(Bound[1], "a count");
    std::vector<Value> Lines, Line;
    for (Value &Each : iterate(In.Make, Bound[0])) {
      if (int64_t(Line.size()) == Size)
        Lines.push_back(In.Make.list(std::exchange(Line, {})));
      Line.push_back(std::move(Each));
    }
    if (Line.empty())
      return Lines;
    if (isGiven(Bound[2]) && int64_t(Line.size()) < Size) {
      In.M.expect(uint64_t(Size), sizeof(Value));
      Line.resize(size_t(Size), Bound[2]);
    }
    Lines.push_back(In.Make.list(std::move(Line)));
    return Lines;
  });
}

static Value sliceItems(Interpreter &In, const Arguments &Given) {
  auto Bound =
      bindArguments("slice", Given, {"value", "slices", "fill_with"}, 2);
  return In.Make.iterator(depthOf(Bound), [&In, Bound] {
    std::vector<Value> All = iterate(In.Make, Bound[0]), Columns;
    int64_t Count = toIndex(Bound[1], "a count");
    if (Count == 0)
      fail("division by zero");
    if (Count < 0)
      return Columns;
    In.M.expect(uint64_t(Count), 2 * sizeof(Value) + sizeof(SequenceObject));
    size_t Each = All.size() / size_t(Count),
           Extra = All.size() % size_t(Count);
    size_t At = 0;
    for (size_t I = 0; I < size_t(Count); ++I) {
      size_t Size = Each + (I < Extra ? 1 : 0);
      std::vector<Value> Column(All.begin() + ptrdiff_t(At),
                                All.begin() + ptrdiff_t(At + Size));
      At += Size;
      if (isGiven(Bound[2]) && I >= Extra)
        Column.push_back(Bound[2]);
      Columns.push_back(In.Make.list(std::move(Column)));
    }
    return Columns;
  });
}

const FilterTable &jinja::sequenceFilters() {
  static const FilterTable All = {{"batch", batch},
                                  {"count", length},
                                  {"dictsort", sortDict},
                                  {"first", first},
                                  {"groupby", groupItems},
                                  {"items", items},
                                  {"join", join},
                                  {"last", last},
                                  {"length", length},
                                  {"list", list},
                                  {"map", map},
                                  {"max", extreme<1>},
                                  {"min", extreme<-1>},
                                  {"reject", select<false, false>},
                                  {"rejectattr", select<false, true>},
                                  {"reverse", reverse},
                                  {"select", select<true, false>},
                                  {"selectattr", select<true, true>},
                                  {"slice", sliceItems},
                                  {"sort", sortItems},
                                  {"sum", sumItems},
                                  {"unique", uniqueItems}};
  return All;
}
