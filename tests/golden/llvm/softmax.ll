; kernel(z: float32, out p: float32)
;   for i < 600:
;     reduce j < 100:
;       top = maximum(top, z[((i * 100) + j)])
;     reduce j < 100:
;       total = add(total, exp((z[((i * 100) + j)] - top)))
;     for j < 100:
;       p[((i * 100) + j)] = (exp((z[((i * 100) + j)] - top)) / total)
target triple = "x86_64-unknown-linux-gnu"
define internal void @kernel(ptr noalias %p0, ptr noalias %p1, i64 %part, i64 %parts, ptr noalias %scratch) #0 {
entry:
  %v1 = mul i64 600, %part
  %v2 = udiv i64 %v1, %parts
  %v3 = add i64 %part, 1
  %v4 = mul i64 600, %v3
  %v5 = udiv i64 %v4, %parts
  %v9 = icmp slt i64 %v2, %v5
  br i1 %v9, label %b8, label %b7
b8:
  br label %b6
b6:
  %v10 = phi i64 [ %v2, %b8 ], [ %v143, %b115 ]
  %v11 = mul i64 %v10, 100
  br label %b12
b12:
  %v14 = phi i64 [ 0, %b6 ], [ %v44, %b12 ]
  %v15 = phi <8 x float> [ splat (float 0xFFF0000000000000), %b6 ], [ %v31, %b12 ]
  %v16 = phi <8 x float> [ splat (float 0xFFF0000000000000), %b6 ], [ %v35, %b12 ]
  %v17 = phi <8 x float> [ splat (float 0xFFF0000000000000), %b6 ], [ %v39, %b12 ]
  %v18 = phi <8 x float> [ splat (float 0xFFF0000000000000), %b6 ], [ %v43, %b12 ]
  %v19 = add i64 %v11, %v14
  %v20 = getelementptr inbounds float, ptr %p0, i64 %v19
  %v21 = getelementptr inbounds float, ptr %v20, i64 8
  %v22 = getelementptr inbounds float, ptr %v20, i64 16
  %v23 = getelementptr inbounds float, ptr %v20, i64 24
  %v24 = load <8 x float>, ptr %v20, align 4
  %v25 = load <8 x float>, ptr %v21, align 4
  %v26 = load <8 x float>, ptr %v22, align 4
  %v27 = load <8 x float>, ptr %v23, align 4
  %v28 = fcmp ogt <8 x float> %v15, %v24
  %v29 = select <8 x i1> %v28, <8 x float> %v15, <8 x float> %v24
  %v30 = fcmp uno <8 x float> %v15, %v15
  %v31 = select <8 x i1> %v30, <8 x float> %v15, <8 x float> %v29
  %v32 = fcmp ogt <8 x float> %v16, %v25
  %v33 = select <8 x i1> %v32, <8 x float> %v16, <8 x float> %v25
  %v34 = fcmp uno <8 x float> %v16, %v16
  %v35 = select <8 x i1> %v34, <8 x float> %v16, <8 x float> %v33
  %v36 = fcmp ogt <8 x float> %v17, %v26
  %v37 = select <8 x i1> %v36, <8 x float> %v17, <8 x float> %v26
  %v38 = fcmp uno <8 x float> %v17, %v17
  %v39 = select <8 x i1> %v38, <8 x float> %v17, <8 x float> %v37
  %v40 = fcmp ogt <8 x float> %v18, %v27
  %v41 = select <8 x i1> %v40, <8 x float> %v18, <8 x float> %v27
  %v42 = fcmp uno <8 x float> %v18, %v18
  %v43 = select <8 x i1> %v42, <8 x float> %v18, <8 x float> %v41
  %v44 = add i64 %v14, 32
  %v45 = icmp slt i64 %v44, 96
  br i1 %v45, label %b12, label %b13
b13:
  %v46 = add i64 %v11, 96
  %v47 = getelementptr inbounds float, ptr %p0, i64 %v46
  %v48 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v47, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> zeroinitializer)
  %v49 = fcmp ogt <8 x float> %v31, %v48
  %v50 = select <8 x i1> %v49, <8 x float> %v31, <8 x float> %v48
  %v51 = fcmp uno <8 x float> %v31, %v31
  %v52 = select <8 x i1> %v51, <8 x float> %v31, <8 x float> %v50
  %v53 = select <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> %v52, <8 x float> %v31
  %v54 = fcmp ogt <8 x float> %v53, %v39
  %v55 = select <8 x i1> %v54, <8 x float> %v53, <8 x float> %v39
  %v56 = fcmp uno <8 x float> %v53, %v53
  %v57 = select <8 x i1> %v56, <8 x float> %v53, <8 x float> %v55
  %v58 = fcmp ogt <8 x float> %v35, %v43
  %v59 = select <8 x i1> %v58, <8 x float> %v35, <8 x float> %v43
  %v60 = fcmp uno <8 x float> %v35, %v35
  %v61 = select <8 x i1> %v60, <8 x float> %v35, <8 x float> %v59
  %v62 = fcmp ogt <8 x float> %v57, %v61
  %v63 = select <8 x i1> %v62, <8 x float> %v57, <8 x float> %v61
  %v64 = fcmp uno <8 x float> %v57, %v57
  %v65 = select <8 x i1> %v64, <8 x float> %v57, <8 x float> %v63
  %v66 = shufflevector <8 x float> %v65, <8 x float> poison, <8 x i32> <i32 4, i32 5, i32 6, i32 7, i32 poison, i32 poison, i32 poison, i32 poison>
  %v67 = fcmp ogt <8 x float> %v65, %v66
  %v68 = select <8 x i1> %v67, <8 x float> %v65, <8 x float> %v66
  %v69 = fcmp uno <8 x float> %v65, %v65
  %v70 = select <8 x i1> %v69, <8 x float> %v65, <8 x float> %v68
  %v71 = shufflevector <8 x float> %v70, <8 x float> poison, <8 x i32> <i32 2, i32 3, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v72 = fcmp ogt <8 x float> %v70, %v71
  %v73 = select <8 x i1> %v72, <8 x float> %v70, <8 x float> %v71
  %v74 = fcmp uno <8 x float> %v70, %v70
  %v75 = select <8 x i1> %v74, <8 x float> %v70, <8 x float> %v73
  %v76 = shufflevector <8 x float> %v75, <8 x float> poison, <8 x i32> <i32 1, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v77 = fcmp ogt <8 x float> %v75, %v76
  %v78 = select <8 x i1> %v77, <8 x float> %v75, <8 x float> %v76
  %v79 = fcmp uno <8 x float> %v75, %v75
  %v80 = select <8 x i1> %v79, <8 x float> %v75, <8 x float> %v78
  %v81 = extractelement <8 x float> %v80, i64 0
  %v82 = mul i64 %v10, 100
  br label %b83
b83:
  %v85 = phi i64 [ 0, %b13 ], [ %v95, %b83 ]
  %v86 = phi <8 x float> [ zeroinitializer, %b13 ], [ %v94, %b83 ]
  %v87 = add i64 %v82, %v85
  %v88 = getelementptr inbounds float, ptr %p0, i64 %v87
  %v89 = load <8 x float>, ptr %v88, align 4
  %v90 = insertelement <8 x float> poison, float %v81, i64 0
  %v91 = shufflevector <8 x float> %v90, <8 x float> poison, <8 x i32> zeroinitializer
  %v92 = fsub <8 x float> %v89, %v91
  %v93 = call <8 x float> @exp.float32.8.0816b471(<8 x float> %v92)
  %v94 = fadd <8 x float> %v86, %v93
  %v95 = add i64 %v85, 8
  %v96 = icmp slt i64 %v95, 96
  br i1 %v96, label %b83, label %b84
b84:
  %v97 = add i64 %v82, 96
  %v98 = getelementptr inbounds float, ptr %p0, i64 %v97
  %v99 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v98, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> zeroinitializer)
  %v100 = insertelement <8 x float> poison, float %v81, i64 0
  %v101 = shufflevector <8 x float> %v100, <8 x float> poison, <8 x i32> zeroinitializer
  %v102 = fsub <8 x float> %v99, %v101
  %v103 = call <8 x float> @exp.float32.8.0816b471(<8 x float> %v102)
  %v104 = fadd <8 x float> %v94, %v103
  %v105 = select <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> %v104, <8 x float> %v94
  %v106 = shufflevector <8 x float> %v105, <8 x float> poison, <8 x i32> <i32 4, i32 5, i32 6, i32 7, i32 poison, i32 poison, i32 poison, i32 poison>
  %v107 = fadd <8 x float> %v105, %v106
  %v108 = shufflevector <8 x float> %v107, <8 x float> poison, <8 x i32> <i32 2, i32 3, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v109 = fadd <8 x float> %v107, %v108
  %v110 = shufflevector <8 x float> %v109, <8 x float> poison, <8 x i32> <i32 1, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison, i32 poison>
  %v111 = fadd <8 x float> %v109, %v110
  %v112 = extractelement <8 x float> %v111, i64 0
  %v113 = mul i64 %v10, 100
  br label %b114
b114:
  %v116 = phi i64 [ 0, %b84 ], [ %v129, %b114 ]
  %v117 = add i64 %v113, %v116
  %v118 = getelementptr inbounds float, ptr %p0, i64 %v117
  %v119 = load <8 x float>, ptr %v118, align 4
  %v120 = insertelement <8 x float> poison, float %v81, i64 0
  %v121 = shufflevector <8 x float> %v120, <8 x float> poison, <8 x i32> zeroinitializer
  %v122 = fsub <8 x float> %v119, %v121
  %v123 = call <8 x float> @exp.float32.8.0816b471(<8 x float> %v122)
  %v124 = insertelement <8 x float> poison, float %v112, i64 0
  %v125 = shufflevector <8 x float> %v124, <8 x float> poison, <8 x i32> zeroinitializer
  %v126 = fdiv <8 x float> %v123, %v125
  %v127 = add i64 %v113, %v116
  %v128 = getelementptr inbounds float, ptr %p1, i64 %v127
  store <8 x float> %v126, ptr %v128, align 4
  %v129 = add i64 %v116, 8
  %v130 = icmp slt i64 %v129, 96
  br i1 %v130, label %b114, label %b115
b115:
  %v131 = add i64 %v113, 96
  %v132 = getelementptr inbounds float, ptr %p0, i64 %v131
  %v133 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v132, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>), <8 x float> zeroinitializer)
  %v134 = insertelement <8 x float> poison, float %v81, i64 0
  %v135 = shufflevector <8 x float> %v134, <8 x float> poison, <8 x i32> zeroinitializer
  %v136 = fsub <8 x float> %v133, %v135
  %v137 = call <8 x float> @exp.float32.8.0816b471(<8 x float> %v136)
  %v138 = insertelement <8 x float> poison, float %v112, i64 0
  %v139 = shufflevector <8 x float> %v138, <8 x float> poison, <8 x i32> zeroinitializer
  %v140 = fdiv <8 x float> %v137, %v139
  %v141 = add i64 %v113, 96
  %v142 = getelementptr inbounds float, ptr %p1, i64 %v141
  call void @llvm.masked.store.v8f32.p0(<8 x float> %v140, ptr %v142, i32 4, <8 x i1> bitcast (i8 15 to <8 x i1>))
  %v143 = add i64 %v10, 1
  %v144 = icmp slt i64 %v143, %v5
  br i1 %v144, label %b6, label %b7
b7:
  ret void
}

declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32, <8 x i1>)
attributes #0 = { nounwind "prefer-vector-width"="256" }
attributes #1 = { alwaysinline nounwind "prefer-vector-width"="256" }
