; kernel(x: float32, out b: float32)
;   for j < 500:
;     reduce i < 20:
;       total = add(total, x[((i * 500) + j)])
;     b[j] = (b[j] - (total * 0.10000000149011612))
target triple = "x86_64-unknown-linux-gnu"
define internal void @kernel(ptr noalias %p0, ptr noalias %p1, i64 %part, i64 %parts, ptr noalias %scratch) #0 {
entry:
  %v1 = mul i64 500, %part
  %v2 = udiv i64 %v1, %parts
  %v3 = and i64 %v2, -16
  %v4 = add i64 %part, 1
  %v5 = mul i64 500, %v4
  %v6 = udiv i64 %v5, %parts
  %v7 = and i64 %v6, -16
  %v8 = icmp eq i64 %v4, %parts
  %v9 = select i1 %v8, i64 500, i64 %v7
  %v10 = sub i64 %v9, %v3
  %v11 = and i64 %v10, -32
  %v12 = add i64 %v3, %v11
  %v16 = icmp slt i64 %v3, %v12
  br i1 %v16, label %b15, label %b14
b15:
  br label %b13
b13:
  %v17 = phi i64 [ %v3, %b15 ], [ %v61, %b19 ]
  br label %b18
b18:
  %v20 = phi i64 [ 0, %b13 ], [ %v39, %b18 ]
  %v21 = phi <8 x float> [ zeroinitializer, %b13 ], [ %v35, %b18 ]
  %v22 = phi <8 x float> [ zeroinitializer, %b13 ], [ %v36, %b18 ]
  %v23 = phi <8 x float> [ zeroinitializer, %b13 ], [ %v37, %b18 ]
  %v24 = phi <8 x float> [ zeroinitializer, %b13 ], [ %v38, %b18 ]
  %v25 = mul i64 %v20, 500
  %v26 = add i64 %v25, %v17
  %v27 = getelementptr inbounds float, ptr %p0, i64 %v26
  %v28 = getelementptr inbounds float, ptr %v27, i64 8
  %v29 = getelementptr inbounds float, ptr %v27, i64 16
  %v30 = getelementptr inbounds float, ptr %v27, i64 24
  %v31 = load <8 x float>, ptr %v27, align 4
  %v32 = load <8 x float>, ptr %v28, align 4
  %v33 = load <8 x float>, ptr %v29, align 4
  %v34 = load <8 x float>, ptr %v30, align 4
  %v35 = fadd <8 x float> %v21, %v31
  %v36 = fadd <8 x float> %v22, %v32
  %v37 = fadd <8 x float> %v23, %v33
  %v38 = fadd <8 x float> %v24, %v34
  %v39 = add i64 %v20, 1
  %v40 = icmp slt i64 %v39, 20
  br i1 %v40, label %b18, label %b19
b19:
  %v41 = getelementptr inbounds float, ptr %p1, i64 %v17
  %v42 = getelementptr inbounds float, ptr %v41, i64 8
  %v43 = getelementptr inbounds float, ptr %v41, i64 16
  %v44 = getelementptr inbounds float, ptr %v41, i64 24
  %v45 = load <8 x float>, ptr %v41, align 4
  %v46 = load <8 x float>, ptr %v42, align 4
  %v47 = load <8 x float>, ptr %v43, align 4
  %v48 = load <8 x float>, ptr %v44, align 4
  %v49 = fneg <8 x float> %v35
  %v50 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v49, <8 x float> splat (float 0x3FB99999A0000000), <8 x float> %v45)
  %v51 = fneg <8 x float> %v36
  %v52 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v51, <8 x float> splat (float 0x3FB99999A0000000), <8 x float> %v46)
  %v53 = fneg <8 x float> %v37
  %v54 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v53, <8 x float> splat (float 0x3FB99999A0000000), <8 x float> %v47)
  %v55 = fneg <8 x float> %v38
  %v56 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v55, <8 x float> splat (float 0x3FB99999A0000000), <8 x float> %v48)
  %v57 = getelementptr inbounds float, ptr %p1, i64 %v17
  %v58 = getelementptr inbounds float, ptr %v57, i64 8
  %v59 = getelementptr inbounds float, ptr %v57, i64 16
  %v60 = getelementptr inbounds float, ptr %v57, i64 24
  store <8 x float> %v50, ptr %v57, align 4
  store <8 x float> %v52, ptr %v58, align 4
  store <8 x float> %v54, ptr %v59, align 4
  store <8 x float> %v56, ptr %v60, align 4
  %v61 = add i64 %v17, 32
  %v62 = icmp slt i64 %v61, %v12
  br i1 %v62, label %b13, label %b14
b14:
  %v66 = icmp slt i64 %v12, %v9
  br i1 %v66, label %b65, label %b64
b65:
  br label %b63
b63:
  %v67 = phi i64 [ %v12, %b65 ], [ %v91, %b76 ]
  %v68 = sub i64 %v9, %v67
  %v69 = icmp slt i64 %v68, 8
  %v70 = select i1 %v69, i64 %v68, i64 8
  %v71 = trunc i64 %v70 to i32
  %v72 = insertelement <8 x i32> poison, i32 %v71, i64 0
  %v73 = shufflevector <8 x i32> %v72, <8 x i32> poison, <8 x i32> zeroinitializer
  %v74 = icmp sgt <8 x i32> %v73, <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  br label %b75
b75:
  %v77 = phi i64 [ 0, %b63 ], [ %v84, %b75 ]
  %v78 = phi <8 x float> [ zeroinitializer, %b63 ], [ %v83, %b75 ]
  %v79 = mul i64 %v77, 500
  %v80 = add i64 %v79, %v67
  %v81 = getelementptr inbounds float, ptr %p0, i64 %v80
  %v82 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v81, i32 4, <8 x i1> %v74, <8 x float> zeroinitializer)
  %v83 = fadd <8 x float> %v78, %v82
  %v84 = add i64 %v77, 1
  %v85 = icmp slt i64 %v84, 20
  br i1 %v85, label %b75, label %b76
b76:
  %v86 = getelementptr inbounds float, ptr %p1, i64 %v67
  %v87 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v86, i32 4, <8 x i1> %v74, <8 x float> zeroinitializer)
  %v88 = fneg <8 x float> %v83
  %v89 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v88, <8 x float> splat (float 0x3FB99999A0000000), <8 x float> %v87)
  %v90 = getelementptr inbounds float, ptr %p1, i64 %v67
  call void @llvm.masked.store.v8f32.p0(<8 x float> %v89, ptr %v90, i32 4, <8 x i1> %v74)
  %v91 = add i64 %v67, 8
  %v92 = icmp slt i64 %v91, %v9
  br i1 %v92, label %b63, label %b64
b64:
  ret void
}

declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32, <8 x i1>)
attributes #0 = { nounwind "prefer-vector-width"="256" }
attributes #1 = { alwaysinline nounwind "prefer-vector-width"="256" }
