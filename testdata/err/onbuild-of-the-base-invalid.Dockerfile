FROM example/onbuild-52554e2078-46524d4f
