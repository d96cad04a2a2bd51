// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Symbolic dimension expressions in canonical form.
//
// Who includes it: the dialect, the front ends, the compiler. It depends on the
// standard library only, so that tools without MLIR may use it too.
//
// Why not mlir::AffineExpr: dimensions multiply each other (batch * sequence),
// divide by each other (reshape with -1), and meet min and max (slices); those
// are outside the affine world, and symbols here are names, not positions.
#ifndef DURE_DIALECTS_DURE_DIMEXPR_H
#define DURE_DIALECTS_DURE_DIMEXPR_H

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

/// An integer expression over named symbols: a polynomial with 64-bit integer
/// coefficients whose atoms are symbols or one of floordiv, ceildiv, mod, min
/// and max of expressions. Two expressions that canonicalise alike are equal,
/// and `str()` is that identity: `DimExpr::parse(e.str()) == e`.
///
/// Symbols stand for tensor dimensions and are >= 0, except those whose name
/// begins with '$': values read from tensors, of any sign.
///
/// Arithmetic that overflows 64 bits gives an invalid expression, which all
/// further arithmetic keeps; callers check `valid()` once at the end.
///
/// Immutable, cheap to copy, safe to share between threads.
class DimExpr {
public:
  /// The constant 0.
  DimExpr();
  /*implicit*/ DimExpr(int64_t Value);

  /// `Name` must be an identifier: [A-Za-z_$][A-Za-z0-9_.$]*, where any
  /// character outside ASCII counts as a letter.
  static DimExpr symbol(std::string_view Name);
  static bool isIdentifier(std::string_view Name);
  /// The identifier that stands for a name of any characters: others are
  /// replaced, and what is too long is cut. So "seq-len" becomes "seq_len".
  static std::string identifierOf(std::string_view Name);

  /// Parses sums, products, parentheses, `//`, and calls of floordiv, ceildiv,
  /// mod, min and max (also Min and Max, as exporters write them). Empty when
  /// the text is none of that or nests more than 64 deep.
  static std::optional<DimExpr> parse(std::string_view Text);

  static DimExpr floorDiv(const DimExpr &Num, const DimExpr &Den);
  static DimExpr ceilDiv(const DimExpr &Num, const DimExpr &Den);
  static DimExpr mod(const DimExpr &Num, const DimExpr &Den);
  static DimExpr min(const DimExpr &L, const DimExpr &R);
  static DimExpr max(const DimExpr &L, const DimExpr &R);

  friend DimExpr operator+(const DimExpr &L, const DimExpr &R);
  friend DimExpr operator-(const DimExpr &L, const DimExpr &R);
  friend DimExpr operator*(const DimExpr &L, const DimExpr &R);
  friend bool operator==(const DimExpr &L, const DimExpr &R) {
    return L.str() == R.str();
  }
  friend bool operator!=(const DimExpr &L, const DimExpr &R) {
    return !(L == R);
  }

  bool valid() const;
  std::optional<int64_t> constant() const;
  bool isConstant(int64_t Value) const { return constant() == Value; }
  /// The name, when the expression is one bare symbol.
  std::optional<std::string> asSymbol() const;
  /// True when no assignment of the symbols makes it negative; false when that
  /// is not known.
  bool isNonNegative() const;
  /// True when no assignment of the symbols makes it smaller than 1.
  bool isPositive() const;

  /// Every symbol that occurs, nested ones included.
  void collectSymbols(std::set<std::string> &Out) const;
  DimExpr substitute(const std::map<std::string, DimExpr> &With) const;
  /// The value under an assignment; empty when a symbol is missing, a divisor
  /// is zero or the result overflows.
  std::optional<int64_t>
  evaluate(const std::map<std::string, int64_t> &Values) const;

  const std::string &str() const;

  /// Operations that a host program computes an expression with.
  enum class Op { Add, Mul, FloorDiv, CeilDiv, Mod, Min, Max };
  /// Folds the expression bottom up: `Constant` and `Symbol` give leaves,
  /// `Combine` joins two of them. How a DimExpr becomes any other form of code.
  template <typename T>
  T fold(const std::function<T(int64_t)> &Constant,
         const std::function<T(const std::string &)> &Symbol,
         const std::function<T(Op, T, T)> &Combine) const;

private:
  struct Atom;
  struct Term;
  struct Impl;
  explicit DimExpr(std::shared_ptr<const Impl> P) : P(std::move(P)) {}
  static DimExpr invalid();
  static DimExpr fromTerms(std::vector<Term> Terms);
  static DimExpr fromAtom(Op Kind, const DimExpr &L, const DimExpr &R);
  static std::optional<DimExpr> divideExactly(const DimExpr &Num,
                                              const DimExpr &Den);
  static DimExpr extremum(Op Kind, const DimExpr &L, const DimExpr &R);
  static DimExpr apply(Op Kind, const DimExpr &L, const DimExpr &R);

  std::shared_ptr<const Impl> P;
};

/// What an expression is made of; in the header only for `fold`.
struct DimExpr::Atom {
  /// Non-empty for a symbol; else a call of `Kind` on `L` and `R`.
  std::string Symbol;
  Op Kind = Op::Add;
  DimExpr L, R;
  /// The canonical text, by which atoms are ordered and compared.
  std::string Text;
};

struct DimExpr::Term {
  int64_t Coefficient = 0;
  /// Sorted by text, repeated for powers.
  std::vector<std::shared_ptr<const Atom>> Factors;
};

struct DimExpr::Impl {
  bool Valid = true;
  /// Sorted by their factors' texts, the constant last, none zero.
  std::vector<Term> Terms;
  std::string Text;
};

template <typename T>
T DimExpr::fold(const std::function<T(int64_t)> &Constant,
                const std::function<T(const std::string &)> &Symbol,
                const std::function<T(Op, T, T)> &Combine) const {
  std::optional<T> Sum;
  for (const Term &Each : P->Terms) {
    std::optional<T> Product;
    if (Each.Coefficient != 1 || Each.Factors.empty())
      Product = Constant(Each.Coefficient);
    for (const auto &Factor : Each.Factors) {
      T Value = !Factor->Symbol.empty()
                    ? Symbol(Factor->Symbol)
                    : Combine(Factor->Kind,
                              Factor->L.fold<T>(Constant, Symbol, Combine),
                              Factor->R.fold<T>(Constant, Symbol, Combine));
      Product = Product ? Combine(Op::Mul, *Product, Value) : Value;
    }
    Sum = Sum ? Combine(Op::Add, *Sum, *Product) : *Product;
  }
  return Sum ? *Sum : Constant(0);
}

} // namespace dure

#endif // DURE_DIALECTS_DURE_DIMEXPR_H
