// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A package in memory: what runtime/schema/package.fbs describes, as plain
// structs.
//
// The compiler fills these and hands them to PackageWriter; the loader reads a
// verified file back into them; the host interpreter runs them. Nobody else
// sees FlatBuffers. Depends on the C++ library only. Field meanings, units and
// rules are the schema's; where this differs (bytes at hand rather than
// offsets) the field says so. Changes together with the schema.
#ifndef DURE_RUNTIME_PACKAGE_PACKAGE_H
#define DURE_RUNTIME_PACKAGE_PACKAGE_H

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace dure {

/// The version of the tables that this code writes, and the newest it reads.
inline constexpr uint32_t PackageFormatVersion = 1;

/// Bits of Package::RequiredFeatures.
enum PackageFeature : uint64_t {
  PackageFeatureState = 1,
  PackageFeatureModelFiles = 2,
  PackageFeatureDevices = 4,
};
inline constexpr uint64_t KnownPackageFeatures =
    PackageFeatureState | PackageFeatureModelFiles | PackageFeatureDevices;

inline constexpr uint64_t PackageAlignment = 4096;
inline constexpr uint64_t LeafSize = 1 << 20;
/// They lie in the metadata, which is read as a whole.
inline constexpr size_t MaxAssets = 64;
inline constexpr uint64_t MaxAssetBytes = uint64_t(256) << 20;
using Sha256 = std::array<uint8_t, 32>;

/// The numbers are those of the schema and of dure_element_type.
enum class ElementType : uint8_t {
  None = 0,
  F32 = 1,
  F16 = 2,
  BF16 = 3,
  F64 = 4,
  I8 = 5,
  U8 = 6,
  I16 = 7,
  U16 = 8,
  I32 = 9,
  U32 = 10,
  I64 = 11,
  U64 = 12,
  Bool = 13,
  I4 = 14,
  U4 = 15,
  F8E4M3FN = 16,
  F8E5M2 = 17,
  F8E8M0 = 18,
  F4E2M1 = 19,
  F8E4M3FNUZ = 20,
  F8E5M2FNUZ = 21,
};
inline constexpr unsigned ElementTypeCount = 22;

/// Width of one element in bits; 0 for None and for numbers out of range.
unsigned elementBits(ElementType Type);
/// "f32", "bool", ...; "?" for numbers out of range.
const char *elementName(ElementType Type);
/// Bytes of COUNT densely packed elements. False if it does not fit 63 bits.
bool elementBytes(ElementType Type, uint64_t Count, uint64_t &Bytes);
/// Product of SHAPE. False if a dim is negative or it does not fit 63 bits.
bool elementCount(const std::vector<int64_t> &Shape, uint64_t &Count);

//===----------------------------------------------------------------------===//
// Signature
//===----------------------------------------------------------------------===//

struct Symbol {
  std::string Name;
  int64_t Min = 0;
  int64_t Max = std::numeric_limits<int64_t>::max();
  int64_t Multiple = 1;
};

/// A number, or (Value = -1) a canonical expression over symbols.
struct SignatureDim {
  int64_t Value = -1;
  std::string Expression;
};

struct TensorInfo {
  std::string Name;
  ElementType Type = ElementType::None;
  std::vector<SignatureDim> Dims;
};

enum class StateAxis : uint8_t {
  Fixed = 0,
  Batch = 1,
  Capacity = 2,
  Window = 3
};

struct StateDim {
  int64_t Value = 0; // for Fixed, and the most for Window; otherwise 0
  StateAxis Axis = StateAxis::Fixed;
  bool operator==(const StateDim &) const = default;
};

struct StateInfo {
  std::string Name;
  ElementType Type = ElementType::None;
  std::vector<StateDim> Dims;
  bool operator==(const StateInfo &) const = default;
};

struct Entry {
  std::string Name;
  std::vector<TensorInfo> Inputs;
  std::vector<TensorInfo> Outputs;
  std::vector<StateInfo> States;
};

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

struct ModelFile {
  std::string Path; // relative to the model's folder
  uint64_t Size = 0;
};

enum class StepKind : uint8_t {
  None = 0,
  Slice = 1,     // Ints: offsets[rank], sizes[rank], strides[rank]
  Transpose = 2, // Ints: permutation
  Reshape = 3,   // Ints: new shape
  Cast = 4,      // Type
  Multiply = 5,  // Operand; Ints: {} or {axis, block}
  Add = 6,
  Subtract = 7,
  Pad = 8,     // Ints: low[rank], high[rank]; Value
  Pack = 9,    // Ints: PackKind, parameters
  Concat = 10, // Operand; Ints: {axis}
};

/// "slice", ...; "?" for numbers out of range.
const char *stepName(StepKind Kind);

/// True for the steps that combine the value with another weight.
constexpr bool usesOperand(StepKind Kind) {
  return Kind == StepKind::Multiply || Kind == StepKind::Add ||
         Kind == StepKind::Subtract || Kind == StepKind::Concat;
}

enum class PackKind : uint32_t {
  None = 0,
  Panels = 1, // [.., K, N] -> [.., ceil(N/nr), K, nr]; Ints[1] = nr
};

struct Step {
  StepKind Kind = StepKind::None;
  std::vector<int64_t> Ints;
  int32_t Operand = -1; // a weight of smaller index, or -1 (usesOperand)
  ElementType Type = ElementType::None;
  double Value = 0;

  /// A stride that is never taken, of a size of at most 1, becomes 1.
  static Step slice(const std::vector<int64_t> &Offsets,
                    const std::vector<int64_t> &Sizes,
                    const std::vector<int64_t> &Strides);
  static Step transpose(std::vector<int64_t> Permutation);
  static Step reshape(std::vector<int64_t> Shape);
  static Step cast(ElementType Type);
  /// KIND: Multiply, Add or Subtract, with numpy broadcasting.
  static Step arith(StepKind Kind, int32_t Operand);
  /// Element i along AXIS meets operand element i / BLOCK.
  static Step arithBlocked(StepKind Kind, int32_t Operand, int64_t Axis,
                           int64_t Block);
  static Step pad(const std::vector<int64_t> &Low,
                  const std::vector<int64_t> &High, double Value);
  static Step packPanels(int64_t Nr);
  static Step concat(int32_t Operand, int64_t Axis);
};

enum class WeightSource : uint8_t {
  None = 0,    // only an operand of other recipes, not stored in this package
  Package = 1, // bytes in the package, ready to use
  File = 2,    // a range of a model file, put through Steps
  /// Only in memory, never in a file: the bytes are in `Inline`, put through
  /// Steps by the writer, which always embeds them.
  Inline = 255,
};

struct Weight {
  std::string Name;
  ElementType Type = ElementType::None; // after the steps
  std::vector<int64_t> Shape;           // after the steps
  WeightSource Source = WeightSource::None;
  uint64_t Offset = 0; // in the weight part (set by the writer), or in the file
  uint64_t Size = 0;   // bytes there
  std::vector<Sha256> Leaves;                 // Package only; set by the writer
  int32_t File = -1;                          // File only
  ElementType StoredType = ElementType::None; // File and Inline
  std::vector<int64_t> StoredShape;           // File and Inline
  std::vector<Step> Steps;                    // File and Inline
  std::string PackKey;
  std::shared_ptr<const std::string> Inline; // Inline only
};

//===----------------------------------------------------------------------===//
// Host program
//===----------------------------------------------------------------------===//

/// Index of an i64 scalar register, of a buffer register.
using ScalarReg = uint32_t;
using BufferReg = uint32_t;

enum class ScalarOpKind : uint8_t {
  None = 0,
  Add,
  Sub,
  Mul,
  FloorDiv,
  CeilDiv,
  Mod,
  Min,
  Max,
  Eq,
  Ne,
  Lt,
  Le,
  Select, // A != 0 ? B : C
};

enum class Relation : uint8_t { None = 0, Eq, Ne, Lt, Le };
enum class Space : uint8_t { None = 0, Transient, Result };
enum class Access : uint8_t { None = 0, Read = 1, Write = 2, ReadWrite = 3 };
enum class StateProperty : uint8_t { None = 0, Batch, Capacity, Length };

struct ConstOp {
  ScalarReg Result = 0;
  int64_t Value = 0;
};

struct ScalarOp {
  ScalarOpKind Kind = ScalarOpKind::None;
  ScalarReg Result = 0;
  ScalarReg A = 0;
  ScalarReg B = 0;
  ScalarReg C = 0; // Select only
};

struct InputDimOp {
  ScalarReg Result = 0;
  uint32_t Input = 0;
  uint32_t Axis = 0;
};

struct CheckOp {
  Relation Rel = Relation::None;
  ScalarReg A = 0;
  ScalarReg B = 0;
  std::string Message;
};

/// Of a variant's devices: 0 is its own, N is Variant::Devices[N - 1].
using DeviceIndex = uint32_t;

struct InputBufferOp {
  BufferReg Result = 0;
  uint32_t Input = 0;
  DeviceIndex Device = 0;
};

struct WeightBufferOp {
  BufferReg Result = 0;
  uint32_t Weight = 0; // index into Package::Weights
  DeviceIndex Device = 0;
};

struct AllocateOp {
  BufferReg Result = 0;
  Space Where = Space::None;
  ScalarReg Size = 0;
  DeviceIndex Device = 0;
};

struct SubspanOp {
  BufferReg Result = 0;
  BufferReg Source = 0;
  ScalarReg Offset = 0;
  ScalarReg Size = 0;
};

struct Binding {
  BufferReg Buffer = 0;
  Access Use = Access::None;
};

struct DispatchOp {
  uint32_t CodeObject = 0;
  uint32_t Export = 0;
  std::vector<ScalarReg> Grid; // up to 3
  std::vector<Binding> Bindings;
  std::vector<ScalarReg> Constants;
  int32_t Trace = -1;
};

struct CopyOp {
  BufferReg Source = 0;
  ScalarReg SourceOffset = 0;
  BufferReg Target = 0;
  ScalarReg TargetOffset = 0;
  ScalarReg Size = 0;
};

struct FillOp {
  BufferReg Target = 0;
  ScalarReg Offset = 0;
  ScalarReg Size = 0;
  uint64_t Pattern = 0;
  uint8_t PatternSize = 1;
};

struct CopyCornerOp {
  BufferReg Source = 0;
  std::vector<ScalarReg> SourceDims;
  BufferReg Target = 0;
  std::vector<ScalarReg> TargetDims;
  uint8_t ElementSize = 0; // bytes
  uint64_t Pattern = 0;
};

struct BarrierOp {};

struct ReadScalarOp {
  ScalarReg Result = 0;
  BufferReg Source = 0;
  ElementType Type = ElementType::None;
  ScalarReg Index = 0; // in elements
};

struct IfOp {
  ScalarReg Condition = 0;
  uint32_t Then = 0; // block index
  int32_t Else = -1;
};

struct LoopOp {
  ScalarReg Induction = 0;
  ScalarReg Lower = 0;
  ScalarReg Upper = 0;
  ScalarReg Step = 0;
  int32_t Condition = -1;
  uint32_t Body = 0; // block index
};

struct StateBufferOp {
  BufferReg Result = 0;
  uint32_t State = 0;
  DeviceIndex Device = 0;
};

struct StateLengthsOp {
  BufferReg Result = 0;
  DeviceIndex Device = 0;
};

struct StateScalarOp {
  ScalarReg Result = 0;
  StateProperty Property = StateProperty::None;
};

struct StateAppendOp {
  ScalarReg Count = 0;
};

struct ReturnValue {
  BufferReg Buffer = 0;
  std::vector<ScalarReg> Dims;
};

struct ReturnOp {
  std::vector<ReturnValue> Values;
};

using Instruction =
    std::variant<ConstOp, ScalarOp, InputDimOp, CheckOp, InputBufferOp,
                 WeightBufferOp, AllocateOp, SubspanOp, DispatchOp, CopyOp,
                 FillOp, CopyCornerOp, BarrierOp, ReadScalarOp, IfOp, LoopOp,
                 StateBufferOp, StateLengthsOp, StateScalarOp, StateAppendOp,
                 ReturnOp>;

struct Block {
  std::vector<Instruction> Instructions;
  std::string Bucket; // of shapes, empty for most
};

struct TraceValue {
  std::string Name;
  uint32_t Binding = 0; // index into the dispatch's bindings
  ElementType Type = ElementType::None;
  std::vector<ScalarReg> Dims;
};

struct TraceInfo {
  std::string Name;
  std::vector<std::string> Nodes;
  std::vector<TraceValue> Values;
  int32_t Flops = -1; // scalar register
  int32_t Bytes = -1; // scalar register
};

struct Program {
  uint32_t Entry = 0;
  uint32_t ScalarRegisters = 0;
  uint32_t BufferRegisters = 0;
  std::vector<Block> Blocks; // [0] is the body
  std::vector<TraceInfo> Trace;
  int32_t TraceBlock = -1;
};

//===----------------------------------------------------------------------===//
// Variants
//===----------------------------------------------------------------------===//

struct Export {
  std::string Name;
  uint32_t Bindings = 0;
  uint32_t Constants = 0;
};

struct CodeObject {
  std::string Format;
  uint64_t Offset = 0; // in the code part; set by the writer
  uint64_t Size = 0;   // set by the writer
  Sha256 Hash = {};    // set by the writer
  std::vector<Export> Exports;
  DeviceIndex Device = 0;
  /// Only in memory: what the writer puts into the code part.
  std::shared_ptr<const std::string> Bytes;
};

/// A device that a variant needs beside its own.
struct VariantDevice {
  std::string Target;
  std::string Driver;
  std::string Compatibility;
  std::vector<std::string> Features;
  std::string PackKey;
};

struct Variant {
  std::string Name;
  std::string Target;
  std::string Driver;
  std::string Compatibility;
  std::vector<std::string> Features;
  std::vector<CodeObject> CodeObjects;
  std::vector<Program> Programs;
  std::vector<uint32_t> Weights; // ascending
  std::string PackKey;
  std::vector<VariantDevice> Devices; // beside its own
};

/// A small file of the model's, such as its tokenizer.
struct Asset {
  std::string Name;
  std::string Bytes;
};

struct Package {
  uint32_t FormatVersion = PackageFormatVersion;
  uint32_t MinRuntime = 1;
  uint64_t RequiredFeatures = 0; // the writer adds what the content needs
  std::string Producer;
  std::string ModelName;
  std::vector<Symbol> Symbols;
  std::vector<ModelFile> Files;
  std::vector<Weight> Weights;
  std::vector<Entry> Entries;
  std::vector<Variant> Variants; // best first
  std::vector<Asset> Assets;
};

} // namespace dure

#endif // DURE_RUNTIME_PACKAGE_PACKAGE_H
