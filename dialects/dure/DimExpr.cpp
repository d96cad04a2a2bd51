// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Canonical symbolic dimension expressions.
#include "dialects/dure/DimExpr.h"

#include <algorithm>
#include <cctype>

using namespace dure;

namespace {

/// Letters of any script: in UTF-8 they are bytes from 0x80 on, which no
/// operator is.
bool isIdentifierStart(char C) {
  const auto Byte = static_cast<unsigned char>(C);
  return std::isalpha(Byte) || C == '_' || C == '$' || Byte >= 0x80;
}

bool isIdentifierPart(char C) {
  return isIdentifierStart(C) || std::isdigit(static_cast<unsigned char>(C)) ||
         C == '.';
}

int64_t floorDivide(int64_t N, int64_t D) {
  int64_t Q = N / D;
  return (N % D != 0 && ((N < 0) != (D < 0))) ? Q - 1 : Q;
}

const char *callName(DimExpr::Op Kind) {
  switch (Kind) {
  case DimExpr::Op::FloorDiv:
    return "floordiv";
  case DimExpr::Op::CeilDiv:
    return "ceildiv";
  case DimExpr::Op::Mod:
    return "mod";
  case DimExpr::Op::Min:
    return "min";
  case DimExpr::Op::Max:
    return "max";
  case DimExpr::Op::Add:
  case DimExpr::Op::Mul:
    break;
  }
  return "";
}

/// One operation on numbers; empty on overflow and division by zero.
std::optional<int64_t> applyToConstants(DimExpr::Op Kind, int64_t L,
                                        int64_t R) {
  int64_t Result = 0;
  switch (Kind) {
  case DimExpr::Op::Add:
    return __builtin_add_overflow(L, R, &Result) ? std::nullopt
                                                 : std::optional(Result);
  case DimExpr::Op::Mul:
    return __builtin_mul_overflow(L, R, &Result) ? std::nullopt
                                                 : std::optional(Result);
  case DimExpr::Op::Min:
    return std::min(L, R);
  case DimExpr::Op::Max:
    return std::max(L, R);
  case DimExpr::Op::FloorDiv:
  case DimExpr::Op::CeilDiv:
  case DimExpr::Op::Mod:
    break;
  }
  if (R == 0 || (L == INT64_MIN && R == -1))
    return std::nullopt;
  int64_t Floor = floorDivide(L, R);
  if (Kind == DimExpr::Op::FloorDiv)
    return Floor;
  int64_t Rest = L - Floor * R;
  return Kind == DimExpr::Op::Mod ? Rest : Floor + (Rest != 0);
}

} // namespace

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

DimExpr::DimExpr() : DimExpr(static_cast<int64_t>(0)) {}

DimExpr::DimExpr(int64_t Value) {
  auto New = std::make_shared<Impl>();
  if (Value != 0)
    New->Terms.push_back({Value, {}});
  New->Text = std::to_string(Value);
  P = std::move(New);
}

DimExpr DimExpr::invalid() {
  auto New = std::make_shared<Impl>();
  New->Valid = false;
  New->Text = "?";
  return DimExpr(std::shared_ptr<const Impl>(std::move(New)));
}

std::string DimExpr::identifierOf(std::string_view Name) {
  constexpr size_t MaxLength = 64;
  if (Name.size() > MaxLength) {
    // Not within a character: a byte 10xxxxxx goes on with one.
    size_t End = MaxLength;
    while (End > 0 && (Name[End] & 0xC0) == 0x80)
      --End;
    Name = Name.substr(0, End);
  }
  std::string Out;
  for (char C : Name)
    Out += isIdentifierPart(C) && C != '$' ? C : '_';
  return isIdentifier(Out) ? Out : "d_" + Out;
}

bool DimExpr::isIdentifier(std::string_view Name) {
  return !Name.empty() && isIdentifierStart(Name.front()) &&
         std::all_of(Name.begin(), Name.end(), isIdentifierPart);
}

DimExpr DimExpr::symbol(std::string_view Name) {
  if (!isIdentifier(Name))
    return invalid();
  auto New = std::make_shared<Atom>();
  New->Symbol = Name;
  New->Text = Name;
  return fromTerms({Term{1, {std::move(New)}}});
}

DimExpr DimExpr::fromAtom(Op Kind, const DimExpr &L, const DimExpr &R) {
  auto New = std::make_shared<Atom>();
  New->Kind = Kind;
  New->L = L;
  New->R = R;
  New->Text =
      std::string(callName(Kind)) + "(" + L.str() + ", " + R.str() + ")";
  return fromTerms({Term{1, {std::move(New)}}});
}

/// The order of terms: by their factors' texts, longer products first, the
/// constant last, so that the text reads `2*batch*sequence + batch + 1`.
static int compareFactors(const std::vector<std::string_view> &L,
                          const std::vector<std::string_view> &R) {
  if (L.empty() != R.empty())
    return L.empty() ? 1 : -1;
  return L < R ? -1 : (R < L ? 1 : 0);
}

DimExpr DimExpr::fromTerms(std::vector<Term> Terms) {
  auto Texts = [](const Term &T) {
    std::vector<std::string_view> Out;
    for (const auto &Factor : T.Factors)
      Out.push_back(Factor->Text);
    return Out;
  };
  for (Term &Each : Terms)
    std::sort(Each.Factors.begin(), Each.Factors.end(),
              [](const auto &L, const auto &R) { return L->Text < R->Text; });
  std::sort(Terms.begin(), Terms.end(), [&](const Term &L, const Term &R) {
    return compareFactors(Texts(L), Texts(R)) < 0;
  });

  auto New = std::make_shared<Impl>();
  for (Term &Each : Terms) {
    if (!New->Terms.empty() &&
        compareFactors(Texts(New->Terms.back()), Texts(Each)) == 0) {
      int64_t &Sum = New->Terms.back().Coefficient;
      if (__builtin_add_overflow(Sum, Each.Coefficient, &Sum))
        return invalid();
      continue;
    }
    if (!New->Terms.empty() && New->Terms.back().Coefficient == 0)
      New->Terms.pop_back();
    New->Terms.push_back(std::move(Each));
  }
  if (!New->Terms.empty() && New->Terms.back().Coefficient == 0)
    New->Terms.pop_back();

  std::string &Text = New->Text;
  for (const Term &Each : New->Terms) {
    // Its magnitude is no int64; alone it can be written all the same.
    if (Each.Coefficient == INT64_MIN &&
        (New->Terms.size() > 1 || !Each.Factors.empty()))
      return invalid();
    bool Negative = Each.Coefficient < 0;
    auto Bits = static_cast<uint64_t>(Each.Coefficient);
    uint64_t Magnitude = Negative ? 0 - Bits : Bits;
    if (Text.empty())
      Text += Negative ? "-" : "";
    else
      Text += Negative ? " - " : " + ";
    bool NeedsStar = false;
    if (Magnitude != 1 || Each.Factors.empty()) {
      Text += std::to_string(Magnitude);
      NeedsStar = true;
    }
    for (const auto &Factor : Each.Factors) {
      Text += NeedsStar ? "*" : "";
      Text += Factor->Text;
      NeedsStar = true;
    }
  }
  if (Text.empty())
    Text = "0";
  return DimExpr(std::shared_ptr<const Impl>(std::move(New)));
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

namespace dure {

DimExpr operator+(const DimExpr &L, const DimExpr &R) {
  if (!L.valid() || !R.valid())
    return DimExpr::invalid();
  std::vector<DimExpr::Term> Terms = L.P->Terms;
  Terms.insert(Terms.end(), R.P->Terms.begin(), R.P->Terms.end());
  return DimExpr::fromTerms(std::move(Terms));
}

DimExpr operator-(const DimExpr &L, const DimExpr &R) {
  return L + DimExpr(-1) * R;
}

DimExpr operator*(const DimExpr &L, const DimExpr &R) {
  if (!L.valid() || !R.valid())
    return DimExpr::invalid();
  // A power of a sum has more terms than there is memory, and no size is one.
  constexpr size_t MostTerms = 4096;
  if (L.P->Terms.size() * R.P->Terms.size() > MostTerms)
    return DimExpr::invalid();
  std::vector<DimExpr::Term> Terms;
  for (const DimExpr::Term &A : L.P->Terms)
    for (const DimExpr::Term &B : R.P->Terms) {
      DimExpr::Term Product = A;
      if (__builtin_mul_overflow(A.Coefficient, B.Coefficient,
                                 &Product.Coefficient))
        return DimExpr::invalid();
      Product.Factors.insert(Product.Factors.end(), B.Factors.begin(),
                             B.Factors.end());
      Terms.push_back(std::move(Product));
    }
  return DimExpr::fromTerms(std::move(Terms));
}

} // namespace dure

std::optional<DimExpr> DimExpr::divideExactly(const DimExpr &Num,
                                              const DimExpr &Den) {
  if (Den.P->Terms.empty())
    return std::nullopt;
  if (Num == Den)
    return DimExpr(1);
  if (Den.P->Terms.size() != 1) {
    // A multiple of the whole sum, as in 4*(a + b) / (a + b).
    if (Num.P->Terms.size() != Den.P->Terms.size())
      return std::nullopt;
    const Term &First = Num.P->Terms.front(), &By = Den.P->Terms.front();
    if (By.Coefficient == -1 || First.Coefficient % By.Coefficient != 0)
      return std::nullopt;
    DimExpr Ratio(First.Coefficient / By.Coefficient);
    return Ratio * Den == Num ? std::optional(Ratio) : std::nullopt;
  }
  const Term &By = Den.P->Terms.front();
  std::vector<Term> Quotient;
  for (const Term &Each : Num.P->Terms) {
    if (By.Coefficient == -1 || Each.Coefficient % By.Coefficient != 0)
      return std::nullopt;
    Term Left{Each.Coefficient / By.Coefficient, Each.Factors};
    for (const auto &Factor : By.Factors) {
      auto Found = std::find_if(
          Left.Factors.begin(), Left.Factors.end(),
          [&](const auto &Mine) { return Mine->Text == Factor->Text; });
      if (Found == Left.Factors.end())
        return std::nullopt;
      Left.Factors.erase(Found);
    }
    Quotient.push_back(std::move(Left));
  }
  return fromTerms(std::move(Quotient));
}

DimExpr DimExpr::apply(Op Kind, const DimExpr &L, const DimExpr &R) {
  switch (Kind) {
  case Op::Add:
    return L + R;
  case Op::Mul:
    return L * R;
  case Op::FloorDiv:
    return floorDiv(L, R);
  case Op::CeilDiv:
    return ceilDiv(L, R);
  case Op::Mod:
    return mod(L, R);
  case Op::Min:
  case Op::Max:
    break;
  }
  return extremum(Kind, L, R);
}

DimExpr DimExpr::floorDiv(const DimExpr &Num, const DimExpr &Den) {
  if (!Num.valid() || !Den.valid() || Den.isConstant(0))
    return invalid();
  if (auto Quotient = divideExactly(Num, Den))
    return *Quotient;
  if (Num.constant() && Den.constant()) {
    auto Value =
        applyToConstants(Op::FloorDiv, *Num.constant(), *Den.constant());
    return Value ? DimExpr(*Value) : invalid();
  }
  return fromAtom(Op::FloorDiv, Num, Den);
}

DimExpr DimExpr::ceilDiv(const DimExpr &Num, const DimExpr &Den) {
  if (!Num.valid() || !Den.valid() || Den.isConstant(0))
    return invalid();
  if (auto Quotient = divideExactly(Num, Den))
    return *Quotient;
  if (Num.constant() && Den.constant()) {
    auto Value =
        applyToConstants(Op::CeilDiv, *Num.constant(), *Den.constant());
    return Value ? DimExpr(*Value) : invalid();
  }
  return fromAtom(Op::CeilDiv, Num, Den);
}

DimExpr DimExpr::mod(const DimExpr &Num, const DimExpr &Den) {
  if (!Num.valid() || !Den.valid() || Den.isConstant(0))
    return invalid();
  if (divideExactly(Num, Den))
    return DimExpr(0);
  if (Num.constant() && Den.constant()) {
    auto Value = applyToConstants(Op::Mod, *Num.constant(), *Den.constant());
    return Value ? DimExpr(*Value) : invalid();
  }
  return fromAtom(Op::Mod, Num, Den);
}

DimExpr DimExpr::extremum(Op Kind, const DimExpr &L, const DimExpr &R) {
  if (!L.valid() || !R.valid())
    return invalid();
  // When one side is never below the other, the answer is known.
  bool LeftIsLarger = (L - R).isNonNegative();
  bool RightIsLarger = !LeftIsLarger && (R - L).isNonNegative();
  if (LeftIsLarger || RightIsLarger)
    return (Kind == Op::Max) == LeftIsLarger ? L : R;
  // Commutative: ordered by text.
  return L.str() < R.str() ? fromAtom(Kind, L, R) : fromAtom(Kind, R, L);
}

DimExpr DimExpr::min(const DimExpr &L, const DimExpr &R) {
  return extremum(Op::Min, L, R);
}

DimExpr DimExpr::max(const DimExpr &L, const DimExpr &R) {
  return extremum(Op::Max, L, R);
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

bool DimExpr::valid() const { return P->Valid; }

const std::string &DimExpr::str() const { return P->Text; }

std::optional<int64_t> DimExpr::constant() const {
  if (!P->Valid || P->Terms.size() > 1)
    return std::nullopt;
  if (P->Terms.empty())
    return 0;
  if (!P->Terms.front().Factors.empty())
    return std::nullopt;
  return P->Terms.front().Coefficient;
}

std::optional<std::string> DimExpr::asSymbol() const {
  if (!P->Valid || P->Terms.size() != 1)
    return std::nullopt;
  const Term &Only = P->Terms.front();
  if (Only.Coefficient != 1 || Only.Factors.size() != 1 ||
      Only.Factors.front()->Symbol.empty())
    return std::nullopt;
  return Only.Factors.front()->Symbol;
}

bool DimExpr::isNonNegative() const {
  if (!P->Valid)
    return false;
  auto AtomIsNonNegative = [](const Atom &A) {
    if (!A.Symbol.empty())
      return A.Symbol.front() != '$';
    bool L = A.L.isNonNegative(), R = A.R.isNonNegative();
    switch (A.Kind) {
    case Op::Max:
      return L || R;
    case Op::Mod:
      return R;
    default:
      return L && R;
    }
  };
  return std::all_of(P->Terms.begin(), P->Terms.end(), [&](const Term &Each) {
    return Each.Coefficient >= 0 &&
           std::all_of(Each.Factors.begin(), Each.Factors.end(),
                       [&](const auto &F) { return AtomIsNonNegative(*F); });
  });
}

bool DimExpr::isPositive() const {
  return (*this - DimExpr(1)).isNonNegative();
}

void DimExpr::collectSymbols(std::set<std::string> &Out) const {
  for (const Term &Each : P->Terms)
    for (const auto &Factor : Each.Factors) {
      if (!Factor->Symbol.empty()) {
        Out.insert(Factor->Symbol);
        continue;
      }
      Factor->L.collectSymbols(Out);
      Factor->R.collectSymbols(Out);
    }
}

DimExpr DimExpr::substitute(const std::map<std::string, DimExpr> &With) const {
  if (!P->Valid)
    return *this;
  return fold<DimExpr>(
      [](int64_t Value) { return DimExpr(Value); },
      [&](const std::string &Name) {
        auto Found = With.find(Name);
        return Found == With.end() ? symbol(Name) : Found->second;
      },
      [](Op Kind, DimExpr L, DimExpr R) { return apply(Kind, L, R); });
}

std::optional<int64_t>
DimExpr::evaluate(const std::map<std::string, int64_t> &Values) const {
  using Number = std::optional<int64_t>;
  if (!P->Valid)
    return std::nullopt;
  return fold<Number>(
      [](int64_t Value) { return Number(Value); },
      [&](const std::string &Name) {
        auto Found = Values.find(Name);
        return Found == Values.end() ? Number() : Number(Found->second);
      },
      [](Op Kind, Number L, Number R) {
        return L && R ? applyToConstants(Kind, *L, *R) : Number();
      });
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {

/// Recursive descent over `sum := product (('+'|'-') product)*`,
/// `product := unary (('*'|'//') unary)*`.
class Parser {
public:
  explicit Parser(std::string_view Text) : Rest(Text) {}

  std::optional<DimExpr> parseAll() {
    auto Result = parseSum(0);
    skipSpace();
    if (!Result || !Rest.empty() || !Result->valid())
      return std::nullopt;
    return Result;
  }

private:
  static constexpr int MaxDepth = 64;

  void skipSpace() {
    while (!Rest.empty() &&
           std::isspace(static_cast<unsigned char>(Rest.front())))
      Rest.remove_prefix(1);
  }

  bool accept(std::string_view Token) {
    skipSpace();
    if (Rest.substr(0, Token.size()) != Token)
      return false;
    Rest.remove_prefix(Token.size());
    return true;
  }

  std::optional<DimExpr> parseSum(int Depth) {
    auto Result = parseProduct(Depth);
    while (Result) {
      bool Plus = accept("+");
      if (!Plus && !accept("-"))
        return Result;
      auto Next = parseProduct(Depth);
      if (!Next)
        return std::nullopt;
      Result = Plus ? *Result + *Next : *Result - *Next;
    }
    return Result;
  }

  std::optional<DimExpr> parseProduct(int Depth) {
    auto Result = parseUnary(Depth);
    while (Result) {
      bool Divide = accept("//");
      if (!Divide && !accept("*"))
        return Result;
      auto Next = parseUnary(Depth);
      if (!Next)
        return std::nullopt;
      Result = Divide ? DimExpr::floorDiv(*Result, *Next) : *Result * *Next;
    }
    return Result;
  }

  std::optional<DimExpr> parseUnary(int Depth) {
    if (Depth > MaxDepth)
      return std::nullopt;
    if (accept("-")) {
      skipSpace();
      if (!Rest.empty() && std::isdigit(static_cast<unsigned char>(Rest[0])))
        return parseNumber(-1);
      auto Operand = parseUnary(Depth + 1);
      return Operand ? std::optional(DimExpr(-1) * *Operand) : std::nullopt;
    }
    if (accept("(")) {
      auto Inner = parseSum(Depth + 1);
      return Inner && accept(")") ? Inner : std::nullopt;
    }
    skipSpace();
    if (Rest.empty())
      return std::nullopt;
    if (std::isdigit(static_cast<unsigned char>(Rest.front())))
      return parseNumber(1);
    if (!isIdentifierStart(Rest.front()))
      return std::nullopt;
    size_t Length = 1;
    while (Length < Rest.size() && isIdentifierPart(Rest[Length]))
      ++Length;
    std::string_view Name = Rest.substr(0, Length);
    Rest.remove_prefix(Length);
    return accept("(") ? parseCall(Name, Depth) : DimExpr::symbol(Name);
  }

  /// Digits below zero, too, one by one: the least int64 has no counterpart.
  std::optional<DimExpr> parseNumber(int64_t Sign) {
    int64_t Value = 0;
    while (!Rest.empty() &&
           std::isdigit(static_cast<unsigned char>(Rest.front()))) {
      if (__builtin_mul_overflow(Value, 10, &Value) ||
          __builtin_add_overflow(Value, Sign * (Rest.front() - '0'), &Value))
        return std::nullopt;
      Rest.remove_prefix(1);
    }
    return DimExpr(Value);
  }

  std::optional<DimExpr> parseCall(std::string_view Name, int Depth) {
    std::vector<DimExpr> Arguments;
    do {
      auto Argument = parseSum(Depth + 1);
      if (!Argument)
        return std::nullopt;
      Arguments.push_back(*Argument);
    } while (accept(","));
    if (!accept(")"))
      return std::nullopt;
    using Binary = DimExpr (*)(const DimExpr &, const DimExpr &);
    static const std::map<std::string_view, Binary> Functions = {
        {"floordiv", DimExpr::floorDiv}, {"ceildiv", DimExpr::ceilDiv},
        {"mod", DimExpr::mod},           {"Mod", DimExpr::mod},
        {"min", DimExpr::min},           {"Min", DimExpr::min},
        {"max", DimExpr::max},           {"Max", DimExpr::max}};
    auto Found = Functions.find(Name);
    if (Found == Functions.end())
      return std::nullopt;
    bool Variadic =
        Name == "min" || Name == "Min" || Name == "max" || Name == "Max";
    if (Arguments.size() < 2 ? !Variadic : Arguments.size() > 2 && !Variadic)
      return std::nullopt;
    DimExpr Result = Arguments.front();
    for (size_t I = 1; I < Arguments.size(); ++I)
      Result = Found->second(Result, Arguments[I]);
    return Result;
  }

  std::string_view Rest;
};

} // namespace

std::optional<DimExpr> DimExpr::parse(std::string_view Text) {
  return Parser(Text).parseAll();
}
