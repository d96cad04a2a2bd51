// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Python's str() and repr() of values.
#include "runtime/text/jinja/Format.h"
#include "runtime/text/jinja/Unicode.h"

#include <charconv>
#include <cmath>

using namespace dure;
using namespace dure::jinja;

std::string jinja::floatRepr(double D) {
  if (std::isnan(D))
    return "nan";
  if (std::isinf(D))
    return D < 0 ? "-inf" : "inf";
  // Digits and exponent of the shortest text: d.ddde[+-]xx.
  char Buffer[40];
  auto Done = std::to_chars(Buffer, std::end(Buffer) - 1, D,
                            std::chars_format::scientific);
  *Done.ptr = '\0';
  std::string_view Text(Buffer, size_t(Done.ptr - Buffer));
  bool IsNegative = Text.front() == '-';
  if (IsNegative)
    Text.remove_prefix(1);
  size_t Mark = Text.find('e');
  int Exponent = std::atoi(Text.data() + Mark + 1);
  std::string Digits(1, Text[0]);
  if (Mark > 2)
    Digits += Text.substr(2, Mark - 2);
  std::string Out = IsNegative ? "-" : "";
  if (Exponent < -4 || Exponent >= 16) {
    Out += Digits[0];
    if (Digits.size() > 1)
      Out += "." + Digits.substr(1);
    std::string Power = std::to_string(std::abs(Exponent));
    return Out + (Exponent < 0 ? "e-" : "e+") + (Power.size() < 2 ? "0" : "") +
           Power;
  }
  if (Exponent < 0)
    return Out + "0." + std::string(size_t(-Exponent - 1), '0') + Digits;
  size_t Whole = size_t(Exponent) + 1;
  if (Digits.size() <= Whole)
    return Out + Digits + std::string(Whole - Digits.size(), '0') + ".0";
  return Out + Digits.substr(0, Whole) + "." + Digits.substr(Whole);
}

/// The escape of a character that is not printed as it is.
static std::string escaped(char32_t C) {
  char Buffer[16];
  std::snprintf(Buffer, sizeof(Buffer),
                C < 0x100     ? "\\x%02x"
                : C < 0x10000 ? "\\u%04x"
                              : "\\U%08x",
                unsigned(C));
  return Buffer;
}

std::string jinja::stringRepr(std::string_view Text) {
  char Quote =
      Text.find('\'') != Text.npos && Text.find('"') == Text.npos ? '"' : '\'';
  std::string Out(1, Quote);
  for (size_t At = 0; At < Text.size();) {
    size_t Begin = At;
    char32_t C = nextCharacter(Text, At);
    if (C == char32_t(Quote) || C == '\\')
      (Out += '\\') += char(C);
    else if (C == '\n')
      Out += "\\n";
    else if (C == '\r')
      Out += "\\r";
    else if (C == '\t')
      Out += "\\t";
    else if (isPrintable(C))
      Out += Text.substr(Begin, At - Begin);
    else
      Out += escaped(C);
  }
  return Out += Quote;
}

namespace {
class ReprWriter {
public:
  explicit ReprWriter(Meter &M) : M(M), Out(M) {}

  /// The writer is of no more use once this failed.
  void write(const Value &V);
  std::string take() { return Out.take(); }

private:
  static constexpr unsigned MaxLevel = 4 * MaxValueDepth;

  void writeInside(const Value &V);
  void writeItems(const char *Open, const std::vector<Value> &Items,
                  const char *Close);
  void writeDict(const Value &V);
  void writeView(const Value &V);
  void writeRange(const RangeObject &R);
  void writeNamespace(NamespaceObject &Space);

  Meter &M;
  TextBuilder Out;
  /// Namespaces that are being written; one may hold itself.
  std::vector<const NamespaceObject *> Open;
  unsigned Level = 0;
};
} // namespace

void ReprWriter::writeItems(const char *Begin, const std::vector<Value> &Items,
                            const char *End) {
  Out.add(Begin);
  for (size_t I = 0; I < Items.size(); ++I) {
    if (I)
      Out.add(", ");
    write(Items[I]);
  }
  Out.add(End);
}

void ReprWriter::writeDict(const Value &V) {
  Out.add("{");
  bool IsFirst = true;
  for (const auto &[Key, Each] : V.dict().Items) {
    if (!IsFirst)
      Out.add(", ");
    IsFirst = false;
    write(Key);
    Out.add(": ");
    write(Each);
  }
  Out.add("}");
}

void ReprWriter::writeView(const Value &V) {
  const ViewObject &View = V.view();
  bool IsKeys = View.Which == ViewObject::Part::Keys;
  bool IsItems = View.Which == ViewObject::Part::Items;
  Out.add(IsKeys ? "dict_keys([" : IsItems ? "dict_items([" : "dict_values([");
  bool IsFirst = true;
  for (const auto &[Key, Each] : View.Of.dict().Items) {
    if (!IsFirst)
      Out.add(", ");
    IsFirst = false;
    if (IsItems)
      Out.add("(");
    if (!(View.Which == ViewObject::Part::Values))
      write(Key);
    if (IsItems)
      Out.add(", ");
    if (!IsKeys)
      write(Each);
    if (IsItems)
      Out.add(")");
  }
  Out.add("])");
}

void ReprWriter::writeRange(const RangeObject &R) {
  Out.add("range(" + std::to_string(R.Start) + ", " + std::to_string(R.Stop) +
          (R.Step == 1 ? "" : ", " + std::to_string(R.Step)) + ")");
}

void ReprWriter::writeNamespace(NamespaceObject &Space) {
  for (const NamespaceObject *Each : Open)
    if (Each == &Space)
      fail("a namespace that holds itself cannot be printed");
  Open.push_back(&Space);
  Out.add("<Namespace ");
  writeDict(Space.Attributes);
  Out.add(">");
  Open.pop_back();
}

void ReprWriter::write(const Value &V) {
  // Through namespaces, values are deeper than each of them is.
  if (Level == MaxLevel)
    failLimit("values are too deep inside each other");
  ++Level;
  writeInside(V);
  --Level;
}

void ReprWriter::writeInside(const Value &V) {
  switch (V.kind()) {
  case Kind::Missing:
  case Kind::Undefined:
    return Out.add("Undefined");
  case Kind::None:
    return Out.add("None");
  case Kind::Bool:
    return Out.add(V.boolean() ? "True" : "False");
  case Kind::Int:
    return Out.add(std::to_string(V.integer()));
  case Kind::Float:
    return Out.add(floatRepr(V.number()));
  case Kind::String:
    M.expect(V.text().size(), 4);
    M.step(V.text().size() / 4);
    return Out.add(V.string().IsMarkup ? "Markup(" + stringRepr(V.text()) + ")"
                                       : stringRepr(V.text()));
  case Kind::List:
    return writeItems("[", V.items(), "]");
  case Kind::Tuple:
    return writeItems("(", V.items(), V.items().size() == 1 ? ",)" : ")");
  case Kind::Dict:
    return writeDict(V);
  case Kind::View:
    return writeView(V);
  case Kind::Range:
    return writeRange(V.range());
  case Kind::Namespace:
    return writeNamespace(V.space());
  case Kind::Loop:
    return Out.add("<LoopContext " + std::to_string(V.loop().Index + 1) + "/" +
                   std::to_string(V.loop().length()) + ">");
  case Kind::Callable:
    if (V.callable().IsMacro)
      return Out.add("<Macro " +
                     (V.callable().Name.empty()
                          ? std::string("anonymous")
                          : stringRepr(V.callable().Name)) +
                     ">");
    break;
  case Kind::Iterator:
  case Kind::Cycler:
    break;
  }
  fail(typeName(V) + " has no text; use the filter list, or call it");
}

std::string jinja::repr(Meter &M, const Value &V) {
  ReprWriter Writer(M);
  Writer.write(V);
  return Writer.take();
}

std::string jinja::str(Meter &M, const Value &V) {
  if (V.isString()) {
    M.expect(V.text().size(), 1);
    return V.text();
  }
  if (V.isUndefined() || V.isMissing())
    return "";
  return repr(M, V);
}
