// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and writing .npy.
#include "tools/io/Npy.h"

#include "tools/io/File.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace dure::io {
namespace {

constexpr std::string_view Magic = "\x93NUMPY";
// A header is a short dict; numpy itself refuses longer ones by default.
constexpr size_t MaxHeaderSize = 64 * 1024;
// numpy's own limit is 64.
constexpr size_t MaxRank = 64;

std::string_view asText(std::span<const std::byte> Bytes) {
  return {reinterpret_cast<const char *>(Bytes.data()), Bytes.size()};
}

/// Parser for the header's Python dict literal: string keys; string, bool and
/// int-tuple values. Nothing else can stand there for a plain array.
class DictParser {
public:
  DictParser(std::string_view Text) : Rest(Text) {}

  bool parse(std::string &Descr, bool &Fortran, std::vector<int64_t> &Shape) {
    bool HasDescr = false, HasOrder = false, HasShape = false;
    if (!take('{'))
      return fail("'{' expected");
    while (!take('}')) {
      std::string Key;
      if (!parseString(Key) || !take(':'))
        return fail("a quoted key and ':' expected");
      if (Key == "descr" && !HasDescr) {
        HasDescr = true;
        if (!parseString(Descr))
          return fail("'descr' is not one plain type; arrays of records are "
                      "not tensors");
      } else if (Key == "fortran_order" && !HasOrder) {
        HasOrder = true;
        if (!parseBool(Fortran))
          return fail("'fortran_order' is neither True nor False");
      } else if (Key == "shape" && !HasShape) {
        HasShape = true;
        if (!parseShape(Shape))
          return fail("'shape' is not a tuple of at most 64 sizes");
      } else {
        return fail("unexpected key '" + Key + "'");
      }
      if (!take(',') && !peek('}'))
        return fail("',' or '}' expected");
    }
    if (!HasDescr || !HasOrder || !HasShape)
      return fail("one of 'descr', 'fortran_order', 'shape' is missing");
    skipSpace();
    return Rest.empty() || fail("text after the closing '}'");
  }

  const std::string &error() const { return Error; }

private:
  bool fail(std::string Why) {
    if (Error.empty())
      Error = std::move(Why);
    return false;
  }
  void skipSpace() {
    while (!Rest.empty() && (Rest[0] == ' ' || Rest[0] == '\n'))
      Rest.remove_prefix(1);
  }
  bool peek(char C) {
    skipSpace();
    return !Rest.empty() && Rest[0] == C;
  }
  bool take(char C) {
    if (!peek(C))
      return false;
    Rest.remove_prefix(1);
    return true;
  }
  bool parseString(std::string &Out) {
    skipSpace();
    if (Rest.empty() || (Rest[0] != '\'' && Rest[0] != '"'))
      return false;
    const size_t End = Rest.find(Rest[0], 1);
    if (End == std::string_view::npos)
      return false;
    Out = Rest.substr(1, End - 1);
    Rest.remove_prefix(End + 1);
    return Out.find('\\') == std::string::npos;
  }
  bool parseBool(bool &Out) {
    skipSpace();
    for (const bool Value : {true, false}) {
      const std::string_view Word = Value ? "True" : "False";
      if (!Rest.starts_with(Word))
        continue;
      Rest.remove_prefix(Word.size());
      Out = Value;
      return true;
    }
    return false;
  }
  bool parseShape(std::vector<int64_t> &Out) {
    if (!take('('))
      return false;
    while (!take(')')) {
      skipSpace();
      int64_t Value = 0;
      size_t Digits = 0;
      for (; Digits < Rest.size() && Rest[Digits] >= '0' && Rest[Digits] <= '9';
           ++Digits)
        if (__builtin_mul_overflow(Value, 10, &Value) ||
            __builtin_add_overflow(Value, Rest[Digits] - '0', &Value))
          return false;
      if (Digits == 0 || Out.size() == MaxRank)
        return false;
      Rest.remove_prefix(Digits);
      // Python 2 wrote long integers with a suffix.
      if (!Rest.empty() && Rest[0] == 'L')
        Rest.remove_prefix(1);
      Out.push_back(Value);
      if (!take(',') && !peek(')'))
        return false;
    }
    return true;
  }

  std::string_view Rest;
  std::string Error;
};

/// Reverses the bytes of every element; complex numbers are two of them.
void swapElements(TensorBytes &Bytes, const ElementTypeInfo &Info) {
  const size_t Width =
      Info.Bits / 8 / (Info.Kind == ElementKind::Complex ? 2 : 1);
  if (Width < 2)
    return;
  for (size_t I = 0; I + Width <= Bytes.size(); I += Width)
    std::reverse(Bytes.begin() + ptrdiff_t(I),
                 Bytes.begin() + ptrdiff_t(I + Width));
}

/// Copies column-major `Source` into row-major `Out`.
void transposeFromFortran(std::span<const std::byte> Source,
                          std::span<const int64_t> Dims, size_t Width,
                          TensorBytes &Out) {
  std::vector<int64_t> Index(Dims.size(), 0);
  std::vector<size_t> Stride(Dims.size(), Width);
  for (size_t I = 1; I < Dims.size(); ++I)
    Stride[I] = Stride[I - 1] * size_t(Dims[I - 1]);
  size_t From = 0;
  for (size_t To = 0; To < Out.size(); To += Width) {
    std::memcpy(Out.data() + To, Source.data() + From, Width);
    for (size_t D = Dims.size(); D-- > 0;) {
      From += Stride[D];
      if (++Index[D] < Dims[D])
        break;
      From -= Stride[D] * size_t(Dims[D]);
      Index[D] = 0;
    }
  }
}

} // namespace

Result<NpyHeader> parseNpyHeader(const std::string &Where,
                                 std::span<const std::byte> Bytes) {
  const std::string_view Text = asText(Bytes);
  if (!Text.starts_with(Magic))
    return Failure{ErrorId::NotNpy, {Where}};
  const auto truncated = [&](size_t Needed) {
    return Failure{
        ErrorId::Truncated,
        {Where, std::to_string(Needed), std::to_string(Bytes.size())}};
  };
  if (Bytes.size() < 10)
    return truncated(10);
  const unsigned Major = unsigned(Bytes[6]), Minor = unsigned(Bytes[7]);
  if (Major < 1 || Major > 3 || Minor != 0)
    return Failure{
        ErrorId::NpyVersion,
        {Where, std::to_string(Major) + "." + std::to_string(Minor)}};
  const size_t LengthBytes = Major == 1 ? 2 : 4;
  const size_t HeaderStart = 8 + LengthBytes;
  if (Bytes.size() < HeaderStart)
    return truncated(HeaderStart);
  size_t Length = 0;
  for (size_t I = 0; I < LengthBytes; ++I)
    Length |= size_t(Bytes[8 + I]) << (8 * I);
  if (Length > MaxHeaderSize)
    return Failure{ErrorId::NpyHeader,
                   {Where, "it is " + std::to_string(Length) + " bytes long"}};
  if (Bytes.size() < HeaderStart + Length)
    return truncated(HeaderStart + Length);

  std::string Descr;
  NpyHeader Header{};
  Header.DataOffset = HeaderStart + Length;
  DictParser Parser(Text.substr(HeaderStart, Length));
  if (!Parser.parse(Descr, Header.FortranOrder, Header.Dims))
    return Failure{ErrorId::NpyHeader, {Where, Parser.error()}};

  // "<f4": byte order, kind, size. '|' is for types without an order, '=' the
  // order of the writing machine, taken for little-endian.
  const ElementTypeInfo *Info = nullptr;
  if (!Descr.empty() &&
      std::string_view("<>|=").find(Descr[0]) != std::string_view::npos)
    Info = findNpyType(std::string_view(Descr).substr(1));
  if (!Info)
    return Failure{ErrorId::NpyType, {Where, Descr}};
  Header.Type = Info->Type;
  Header.BigEndian = Descr[0] == '>';
  return Header;
}

size_t npyHeaderEnd(std::span<const std::byte> Prefix) {
  if (Prefix.size() < NpyPrefixSize || !asText(Prefix).starts_with(Magic))
    return 0;
  const size_t LengthBytes = unsigned(Prefix[6]) == 1 ? 2 : 4;
  size_t Length = 0;
  for (size_t I = 0; I < LengthBytes; ++I)
    Length |= size_t(Prefix[8 + I]) << (8 * I);
  // A longer one is refused for its length alone.
  return 8 + LengthBytes + std::min(Length, MaxHeaderSize);
}

Result<Extent> checkNpyData(const std::string &Where, const NpyHeader &Header,
                            uint64_t DataBytes) {
  Result<Extent> Size = checkExtent(Where, Header.Type, Header.Dims);
  if (Size && DataBytes != uint64_t(Size->Bytes))
    return Failure{ErrorId::DataSize,
                   {Where, std::to_string(DataBytes),
                    std::string(elementTypeInfo(Header.Type).Name),
                    formatDims(Header.Dims), std::to_string(Size->Bytes)}};
  return Size;
}

Tensor makeNpyTensor(NpyHeader Header, TensorBytes Data) {
  const ElementTypeInfo &Info = elementTypeInfo(Header.Type);
  Tensor T;
  T.Type = Header.Type;
  T.Dims = std::move(Header.Dims);
  if (Header.FortranOrder && T.Dims.size() > 1) {
    T.Bytes.resize(Data.size());
    transposeFromFortran(Data, T.Dims, Info.Bits / 8, T.Bytes);
  } else {
    T.Bytes = std::move(Data);
  }
  if (Header.BigEndian)
    swapElements(T.Bytes, Info);
  return T;
}

Result<Tensor> parseNpy(const std::string &Where,
                        std::span<const std::byte> Bytes) {
  Result<NpyHeader> Header = parseNpyHeader(Where, Bytes);
  if (!Header)
    return Header.failure();
  const std::span<const std::byte> Data = Bytes.subspan(Header->DataOffset);
  if (Result<Extent> Size = checkNpyData(Where, *Header, Data.size()); !Size)
    return Size.failure();
  return makeNpyTensor(std::move(*Header), {Data.begin(), Data.end()});
}

Result<Tensor> readNpy(const std::string &Path) {
  Result<MappedFile> File = MappedFile::open(Path);
  if (!File)
    return File.failure();
  return parseNpy(Path, File->bytes());
}

Result<std::string> formatNpyHeader(const std::string &Where, const Tensor &T) {
  const ElementTypeInfo &Info = elementTypeInfo(T.Type);
  if (Info.Npy.empty())
    return Failure{ErrorId::NpyCannotHold, {Where, std::string(Info.Name)}};
  std::string Dict = "{'descr': '";
  Dict += Info.Bits == 8 ? '|' : '<';
  Dict += Info.Npy;
  Dict += "', 'fortran_order': False, 'shape': (";
  for (size_t I = 0; I < T.Dims.size(); ++I)
    Dict += (I ? ", " : "") + std::to_string(T.Dims[I]);
  Dict += T.Dims.size() == 1 ? ",), }" : "), }";
  // The data starts at a multiple of 64, and the dict ends in a newline.
  const size_t Unpadded = 10 + Dict.size() + 1;
  Dict.append((64 - Unpadded % 64) % 64, ' ');
  Dict += '\n';
  std::string Header(Magic);
  Header += '\x01';
  Header += '\0';
  Header += char(Dict.size() & 0xff);
  Header += char(Dict.size() >> 8);
  return Header + Dict;
}

Status writeNpy(const std::string &Path, const Tensor &T) {
  Result<std::string> Header = formatNpyHeader(Path, T);
  if (!Header)
    return Header.failure();
  Result<AtomicFile> File = AtomicFile::create(Path);
  if (!File)
    return File.failure();
  if (Status S = File->write(*Header); !S)
    return S;
  if (Status S = File->write(std::span<const std::byte>(T.Bytes)); !S)
    return S;
  return File->commit();
}

} // namespace dure::io
