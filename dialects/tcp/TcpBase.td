// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tcp dialect: types and attributes.

#ifndef TCP_BASE_TD
#define TCP_BASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tcp_Dialect : Dialect {
  let name = "tcp";
  let cppNamespace = "::dure::tcp";
  let summary = "FuriosaAI RNGD's Tensor Contraction Processor";
  let description = [{
    One operation for each step of the chip's engines, as the vendor's public
    book describes them (furiosa-opt, docs/src; pages are named beside the
    rules). Memory is explicit: buffers with addresses, DMA commands between
    them, and instructions of the tensor unit (`tcp.exec`) that stream from data
    memory through the engines into a register file or back.

    Types say where each element lies, as digits of named axes: `M by 8 : 16 of 20`
    is a digit of 20 positions, 16 of them in use, each 8 coordinates of axis M
    from the next; `_ : 4` repeats what it stands for four times.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerTypes();
    void registerAttributes();
  }];
}

def Tcp_MapAttr : AttrDef<Tcp_Dialect, "Map"> {
  let mnemonic = "map";
  let summary = "Digits of named axes, outermost first";
  let parameters = (ins ArrayRefParameter<"::dure::tcp::Digit">:$digits);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

class Tcp_Type<string name, string text, dag maps, string what> : TypeDef<Tcp_Dialect, name> {
  let mnemonic = text;
  let summary = what;
  let parameters = maps;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Tcp_Hbm : Tcp_Type<"Hbm", "hbm", (ins "::mlir::Type":$elementType, "MapAttr":$element),
  "A tensor in HBM">;
def Tcp_Dm : Tcp_Type<"Dm", "dm", (ins "::mlir::Type":$elementType, "MapAttr":$cluster,
  "MapAttr":$slice, "MapAttr":$element), "A tensor in data memory: a part in each slice">;
def Tcp_Trf : Tcp_Type<"Trf", "trf", (ins "::mlir::Type":$elementType, "MapAttr":$cluster,
  "MapAttr":$slice, "MapAttr":$lane, "MapAttr":$element),
  "An operand of contractions in the tensor register file">;
def Tcp_Vrf : Tcp_Type<"Vrf", "vrf", (ins "::mlir::Type":$elementType, "MapAttr":$cluster,
  "MapAttr":$slice, "MapAttr":$element),
  "An operand of the vector engine in the vector register file">;
def Tcp_Stream : Tcp_Type<"Stream", "stream", (ins "::mlir::Type":$elementType, "MapAttr":$cluster,
  "MapAttr":$slice, "MapAttr":$lane, "MapAttr":$time, "MapAttr":$packet),
  "Packets that pass through the tensor unit, slice by slice">;
def Tcp_Token : TypeDef<Tcp_Dialect, "Token"> {
  let mnemonic = "token";
  let summary = "The end of a command";
}

def Tcp_Memory : AnyTypeOf<[Tcp_Hbm, Tcp_Dm, Tcp_Trf, Tcp_Vrf]>;

class Tcp_Op<string mnemonic, list<Trait> traits = []> : Op<Tcp_Dialect, mnemonic, traits>;

#endif // TCP_BASE_TD
