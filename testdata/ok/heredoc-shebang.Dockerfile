FROM alpine:3.20
RUN <<EOF
#!/usr/bin/env python3
print("the first line names the interpreter")
EOF
RUN <<EOF
 #!/bin/sh
echo "indented, it is a comment of the shell's"
EOF
