; kernel(x: float32, y: float32, out z: float32, n)
;   for i < n:
;     z[i] = ((x[i] * y[i]) + 1.0)
target triple = "x86_64-unknown-linux-gnu"
define internal void @kernel(ptr noalias %p0, ptr noalias %p1, ptr noalias %p2, i64 %n0, i64 %part, i64 %parts, ptr noalias %scratch) #0 {
entry:
  %v1 = mul i64 %n0, %part
  %v2 = udiv i64 %v1, %parts
  %v3 = and i64 %v2, -16
  %v4 = add i64 %part, 1
  %v5 = mul i64 %n0, %v4
  %v6 = udiv i64 %v5, %parts
  %v7 = and i64 %v6, -16
  %v8 = icmp eq i64 %v4, %parts
  %v9 = select i1 %v8, i64 %n0, i64 %v7
  %v10 = sub i64 %v9, %v3
  %v11 = and i64 %v10, -32
  %v12 = add i64 %v3, %v11
  %v16 = icmp slt i64 %v3, %v12
  br i1 %v16, label %b15, label %b14
b15:
  br label %b13
b13:
  %v17 = phi i64 [ %v3, %b15 ], [ %v42, %b13 ]
  %v18 = getelementptr inbounds float, ptr %p0, i64 %v17
  %v19 = getelementptr inbounds float, ptr %v18, i64 8
  %v20 = getelementptr inbounds float, ptr %v18, i64 16
  %v21 = getelementptr inbounds float, ptr %v18, i64 24
  %v22 = load <8 x float>, ptr %v18, align 4
  %v23 = load <8 x float>, ptr %v19, align 4
  %v24 = load <8 x float>, ptr %v20, align 4
  %v25 = load <8 x float>, ptr %v21, align 4
  %v26 = getelementptr inbounds float, ptr %p1, i64 %v17
  %v27 = getelementptr inbounds float, ptr %v26, i64 8
  %v28 = getelementptr inbounds float, ptr %v26, i64 16
  %v29 = getelementptr inbounds float, ptr %v26, i64 24
  %v30 = load <8 x float>, ptr %v26, align 4
  %v31 = load <8 x float>, ptr %v27, align 4
  %v32 = load <8 x float>, ptr %v28, align 4
  %v33 = load <8 x float>, ptr %v29, align 4
  %v34 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v22, <8 x float> %v30, <8 x float> splat (float 0x3FF0000000000000))
  %v35 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v23, <8 x float> %v31, <8 x float> splat (float 0x3FF0000000000000))
  %v36 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v24, <8 x float> %v32, <8 x float> splat (float 0x3FF0000000000000))
  %v37 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v25, <8 x float> %v33, <8 x float> splat (float 0x3FF0000000000000))
  %v38 = getelementptr inbounds float, ptr %p2, i64 %v17
  %v39 = getelementptr inbounds float, ptr %v38, i64 8
  %v40 = getelementptr inbounds float, ptr %v38, i64 16
  %v41 = getelementptr inbounds float, ptr %v38, i64 24
  store <8 x float> %v34, ptr %v38, align 4
  store <8 x float> %v35, ptr %v39, align 4
  store <8 x float> %v36, ptr %v40, align 4
  store <8 x float> %v37, ptr %v41, align 4
  %v42 = add i64 %v17, 32
  %v43 = icmp slt i64 %v42, %v12
  br i1 %v43, label %b13, label %b14
b14:
  %v47 = icmp slt i64 %v12, %v9
  br i1 %v47, label %b46, label %b45
b46:
  br label %b44
b44:
  %v48 = phi i64 [ %v12, %b46 ], [ %v62, %b44 ]
  %v49 = sub i64 %v9, %v48
  %v50 = icmp slt i64 %v49, 8
  %v51 = select i1 %v50, i64 %v49, i64 8
  %v52 = trunc i64 %v51 to i32
  %v53 = insertelement <8 x i32> poison, i32 %v52, i64 0
  %v54 = shufflevector <8 x i32> %v53, <8 x i32> poison, <8 x i32> zeroinitializer
  %v55 = icmp sgt <8 x i32> %v54, <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v56 = getelementptr inbounds float, ptr %p0, i64 %v48
  %v57 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v56, i32 4, <8 x i1> %v55, <8 x float> zeroinitializer)
  %v58 = getelementptr inbounds float, ptr %p1, i64 %v48
  %v59 = call <8 x float> @llvm.masked.load.v8f32.p0(ptr %v58, i32 4, <8 x i1> %v55, <8 x float> zeroinitializer)
  %v60 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v57, <8 x float> %v59, <8 x float> splat (float 0x3FF0000000000000))
  %v61 = getelementptr inbounds float, ptr %p2, i64 %v48
  call void @llvm.masked.store.v8f32.p0(<8 x float> %v60, ptr %v61, i32 4, <8 x i1> %v55)
  %v62 = add i64 %v48, 8
  %v63 = icmp slt i64 %v62, %v9
  br i1 %v63, label %b44, label %b45
b45:
  ret void
}

declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare <8 x float> @llvm.masked.load.v8f32.p0(ptr, i32, <8 x i1>, <8 x float>)
declare void @llvm.masked.store.v8f32.p0(<8 x float>, ptr, i32, <8 x i1>)
attributes #0 = { nounwind "prefer-vector-width"="256" }
attributes #1 = { alwaysinline nounwind "prefer-vector-width"="256" }
