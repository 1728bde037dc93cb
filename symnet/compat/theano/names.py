"""Which names of Theano's modules are which objects of symnet's.

`MODULES` has for every module lines ``"source: name new=old *"``: names that it takes over from the
module `source`, under another name where one stands before ``=``, all public ones for ``*``.
Submodules are found in their parents by themselves. `ABSENT` says of what is not there why.
"""

from symnet.scalar import TABLE

_HERE = "symnet.compat.theano"
_DTYPES = (
    f"{_HERE}.small: all_dtypes complex_dtypes continuous_dtypes discrete_dtypes float_dtypes "
    "int_dtypes integer_dtypes uint_dtypes"
)
_OPS = (
    "symnet.ops.constructors: ARange",
    "symnet.ops.contraction: Dot",
    "symnet.ops.elementwise: Elemwise",
    "symnet.ops.indexing: IncSubtensor Subtensor",
    "symnet.ops.joining: Join Split",
    "symnet.ops.shape: Reshape",
    f"{_HERE}.small: DimShuffle TensorVariable",
)
_ROWS = " ".join(TABLE)

MODULES: dict[str, tuple[str, ...]] = {
    "theano": (
        "symnet.inspection: FunctionGraph=Graph",
        "symnet: Apply Constant In OpFromGraph Out Variable clone dot function grad Lop Rop pp "
        "shared",
        "symnet.gradient: disconnected_grad zero_grad",
        "symnet.types: TensorType",
        "symnet.custom: as_op",
        "symnet.printing: pprint=pp",
        "symnet.profile: ProfileStats",
        "symnet.gradient: subgraph_grad",
        f"{_HERE}.compiling: Mode function_dump predefined_modes",
        f"{_HERE}.flags: change_flags config",
        "symnet.scanning: scan scan_checkpoints map reduce foldl foldr",
        "symnet: SymbolicInput=In SymbolicOutput=Out",
        "symnet.types: Type=TensorType",
        "symnet.tensor: get_scalar_constant_value",
        f"{_HERE}.small: Op OrderedUpdates PY3 Param _asarray sparse_grad theano_logger "
        "__version__=version",
    ),
    "theano.compat": (
        "builtins: ifilter=filter imap=map izip=zip",
        "collections: OrderedDict defaultdict",
        f"{_HERE}.small: PY3",
    ),
    "theano.compat.python2x": (
        "collections: Counter OrderedDict defaultdict",
        "functools: partial",
    ),
    "theano.compat.six": (
        "functools: wraps",
        f"{_HERE}.small: PY3 integer_types iteritems iterkeys itervalues string_types",
    ),
    "theano.compat.six.moves": (
        "builtins: filter input map range xrange=range zip",
        "functools: reduce",
        f"{_HERE}.small: cPickle",
        "io: StringIO",
    ),
    "theano.compile": (
        "symnet: In OpFromGraph Out SharedVariable function shared SymbolicInput=In "
        "SymbolicOutput=Out",
        "symnet.freeze: UnusedInputError",
        "symnet.function: Function pfunc=function",
        "symnet.custom: FunctionOp as_op",
        "symnet.modes: MonitorMode get_mode",
        "symnet.profile: ProfileStats",
        "symnet.tensor: specify_shape",
        "symnet.tensor: shape",
        f"{_HERE}.compiling: DebugMode Mode NanGuardMode function_dump get_default_mode "
        "predefined_modes",
        f"{_HERE}.small: Param Rebroadcast",
    ),
    "theano.compile.builders": ("symnet: OpFromGraph",),
    "theano.compile.debugmode": (
        "symnet.debugging: BadDestroyMap=DestroyedInput BadOptimization=WrongRewrite "
        "BadThunkOutput=WrongStep DebugModeError=DebugError InvalidValueError=NotFinite "
        "StochasticOrder=NotReproducible",
        f"{_HERE}.compiling: DebugMode",
    ),
    "theano.compile.function": (
        "symnet: function",
        f"{_HERE}.compiling: function_dump",
    ),
    "theano.compile.function_module": (
        "symnet.freeze: UnusedInputError",
        "symnet.function: Function",
    ),
    "theano.compile.io": ("symnet: In Out SymbolicInput=In SymbolicOutput=Out",),
    "theano.compile.mode": (
        "symnet.modes: get_mode",
        f"{_HERE}.compiling: Mode get_default_mode predefined_modes",
    ),
    "theano.compile.monitormode": ("symnet.modes: MonitorMode",),
    "theano.compile.nanguardmode": (f"{_HERE}.compiling: NanGuardMode",),
    "theano.compile.ops": (
        "symnet.custom: FromFunctionOp=FunctionOp as_op",
        "symnet.tensor: shape specify_shape",
        f"{_HERE}.small: Rebroadcast",
    ),
    "theano.compile.pfunc": ("symnet.function: pfunc=function", f"{_HERE}.small: Param"),
    "theano.compile.profiling": ("symnet.profile: ProfileStats",),
    "theano.compile.sharedvalue": ("symnet: SharedVariable shared",),
    "theano.compile.sandbox": ("symnet: function shared pfunc=function",),
    "theano.configdefaults": (f"{_HERE}.flags: config",),
    "theano.configparser": (f"{_HERE}.flags: change_flags config TheanoConfigParser=OldConfig",),
    "theano.gof": (
        "symnet.inspection: FunctionGraph=Graph",
        "symnet: Apply Constant Variable",
        "symnet: MissingInputError",
        "symnet.types: Type=TensorType",
        f"{_HERE}.small: Op",
    ),
    "theano.gof.fg": ("symnet: MissingInputError", "symnet.inspection: FunctionGraph=Graph"),
    "theano.gof.graph": (
        "symnet: Apply Constant Variable",
        f"{_HERE}.graphs: ancestors equal_computations inputs io_toposort is_same_graph ops "
        "orphans variables",
    ),
    "theano.gof.null_type": ("symnet.gradient: NullType",),
    "theano.gof.op": (
        "symnet.op: get_test_value",
        f"{_HERE}.small: Op",
    ),
    "theano.gof.type": ("symnet.types: Type=TensorType",),
    "theano.gof.utils": (),
    "theano.gpuarray": (f"{_HERE}.small: pygpu_activated use",),
    "theano.gpuarray.dnn": (f"{_HERE}.small: dnn_available=absent dnn_present=absent",),
    "theano.gradient": ("symnet.gradient: *",),
    "theano.ifelse": ("symnet.ifelse: ifelse",),
    "theano.misc": (),
    "theano.misc.may_share_memory": (f"{_HERE}.small: may_share_memory",),
    "theano.misc.pkl_utils": (
        f"{_HERE}.pkl_utils: PersistentNdarrayID PersistentNdarrayLoad "
        "PersistentSharedVariableID StripPickler dump load",
    ),
    "theano.misc.safe_asarray": (f"{_HERE}.small: _asarray",),
    "theano.printing": (
        "symnet.printing: Print debugprint min_informative_str pp pprint=pp pydotprint",
    ),
    "theano.raise_op": (),
    "theano.sandbox": (),
    "theano.sandbox.cuda": (f"{_HERE}.small: cuda_available cuda_enabled use",),
    "theano.sandbox.cuda.dnn": (f"{_HERE}.small: dnn_available=absent",),
    "theano.sandbox.linalg": ("symnet.tensor.nlinalg: *", "symnet.tensor.slinalg: *"),
    "theano.sandbox.linalg.ops": ("symnet.tensor.nlinalg: *", "symnet.tensor.slinalg: *"),
    "theano.sandbox.neighbours": ("symnet.tensor.nnet.neighbours: *",),
    "theano.sandbox.rng_mrg": ("symnet.mrg: MRG_RandomStreams guess_n_streams",),
    "theano.sandbox.softsign": ("symnet.tensor.nnet: softsign",),
    "theano.scalar": (
        f"{_HERE}.small: upcast",
        f"symnet.scalar.table: {_ROWS}",
    ),
    "theano.scalar.basic": (
        f"{_HERE}.small: upcast",
        f"symnet.scalar.table: {_ROWS}",
    ),
    "theano.scan_module": (
        "symnet: clone",
        "symnet.scanning: scan scan_checkpoints map reduce foldl foldr until",
    ),
    "theano.scan_module.scan": ("symnet.scanning: scan",),
    "theano.scan_module.scan_utils": (
        "symnet: clone",
        f"{_HERE}.graphs: equal_computations",
        "symnet.scanning: until",
    ),
    "theano.sparse": ("symnet.sparse: *",),
    "theano.sparse.basic": ("symnet.sparse: *",),
    "theano.sparse.sharedvar": ("symnet.sparse: SparseTensorSharedVariable=SparseSharedVariable",),
    "theano.sparse.type": ("symnet.sparse: SparseType",),
    "theano.tensor": (
        "symnet.tensor: *",
        "symnet.tensor: isinf_=isinf isnan_=isnan",
        "symnet: Apply Constant Variable function",
        "symnet.types: Tensor=TensorType",
        *_OPS,
        _DTYPES,
        f"{_HERE}.small: Op Rebroadcast",
        "symnet: _shared=shared",
        "symnet.gradient: consider_constant numeric_grad verify_grad",
        "builtins: AsTensorError=TypeError",
    ),
    "theano.tensor.basic": (
        "symnet.tensor: *",
        "symnet.tensor: isinf_=isinf isnan_=isnan",
        "symnet: Apply Constant Variable function",
        "symnet.types: Tensor=TensorType",
        *_OPS,
        _DTYPES,
        f"{_HERE}.small: Rebroadcast",
        "builtins: AsTensorError=TypeError",
    ),
    "theano.tensor.elemwise": (
        "symnet.ops.elementwise: Elemwise",
        f"{_HERE}.small: DimShuffle",
    ),
    "theano.tensor.extra_ops": ("symnet.tensor.extra_ops: *",),
    "theano.tensor.fft": ("symnet.tensor.fft: *",),
    "theano.tensor.inplace": (),
    "theano.tensor.nlinalg": ("symnet.tensor.nlinalg: *",),
    "theano.tensor.nnet": (
        "symnet.tensor.nnet: *",
        "symnet.tensor.nnet: logsoftmax_op=logsoftmax softmax_op=softmax",
    ),
    "theano.tensor.nnet.abstract_conv": ("symnet.tensor.nnet.abstract_conv: *",),
    "theano.tensor.nnet.conv": ("symnet.tensor.nnet.conv: *",),
    "theano.tensor.nnet.bn": ("symnet.tensor.nnet.bn: *",),
    "theano.tensor.nnet.ctc": ("symnet.tensor.nnet.ctc: *",),
    "theano.tensor.nnet.neighbours": ("symnet.tensor.nnet.neighbours: *",),
    "theano.tensor.nnet.nnet": (
        "symnet.tensor.nnet.nnet: *",
        "symnet.tensor.nnet: logsoftmax_op=logsoftmax softmax_op=softmax",
    ),
    "theano.tensor.nnet.sigm": ("symnet.tensor.nnet.sigm: *",),
    "theano.tensor.opt": (),
    "theano.tensor.raw_random": (),
    "theano.tensor.shared_randomstreams": ("symnet.tensor.shared_randomstreams: *",),
    "theano.tensor.sharedvar": (
        "symnet: SharedVariable TensorSharedVariable=SharedVariable "
        "ScalarSharedVariable=SharedVariable load_shared_variable=shared "
        "scalar_constructor=shared tensor_constructor=shared",
    ),
    "theano.tensor.signal": (),
    "theano.tensor.signal.conv": ("symnet.tensor.signal.conv: *",),
    "theano.tensor.signal.downsample": ("symnet.tensor.signal.downsample: *",),
    "theano.tensor.signal.pool": ("symnet.tensor.signal.pool: *",),
    "theano.tensor.slinalg": ("symnet.tensor.slinalg: *",),
    "theano.tensor.sort": ("symnet.tensor: argsort argtopk sort topk topk_and_argtopk",),
    "theano.tensor.subtensor": (
        "symnet.tensor: inc_subtensor set_subtensor take",
        "symnet.ops.indexing: Subtensor",
    ),
    "theano.tensor.type": ("symnet.types: TensorType",),
    "theano.tensor.utils": (f"{_HERE}.small: hash_from_ndarray",),
    "theano.tensor.var": (
        "symnet.tensor: TensorConstant",
        f"{_HERE}.small: TensorVariable",
        "symnet.tensor.variable: _tensor_py_operators=TensorVariable",
        "builtins: AsTensorError=TypeError",
    ),
    "theano.tensor.xlogx": ("symnet.tensor.xlogx: xlogx xlogy0",),
    "theano.tests": (),
    "theano.tests.unittest_tools": (
        "symnet.gradient: verify_grad",
        "unittest: SkipTest",
        f"{_HERE}.small: assert_allclose fetch_seed seed_rng",
    ),
    "theano.typed_list": ("symnet.typed_list: *",),
    "theano.typed_list.basic": ("symnet.typed_list: *",),
    "theano.updates": (f"{_HERE}.small: OrderedUpdates",),
    "theano.version": (f"{_HERE}.small: full_version short_version version",),
}

ABSENT: dict[str, str] = {
    "theano.d3viz": "theano.printing.pydotprint draws graphs",
    "theano.gpuarray": "Theano's GPU code has no place here; symnet.config.device = 'cuda' runs "
    "whole functions on a GPU",
    "theano.sandbox.cuda": "Theano's GPU code has no place here; symnet.config.device = 'cuda' "
    "runs whole functions on a GPU",
    "theano.tensor.raw_random": "theano.tensor.shared_randomstreams.RandomStreams draws random "
    "numbers",
    "theano.gof.opt": "rewrites are data here: see symnet.rewriting",
    "theano.tensor.opt": "rewrites are data here: see symnet.rewriting",
}
"""Why a module, or a name by its full name, is not there."""
