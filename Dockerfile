# The fastest LTS of Node; any base with node (20 or later), npm and a shell will do.
ARG NODE_IMAGE=docker.io/library/node:26-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production \
    HOST=0.0.0.0
COPY --from=build /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY --from=build /app/dist ./dist
# By number, because a base need not know any user but root.
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["node", "-e", "const port = process.env.PORT || 8080, end = (ok) => process.exit(ok ? 0 : 1); process.env.TLS_CERT_FILE ? require('net').connect(port, '127.0.0.1', () => end(true)).on('error', () => end(false)) : fetch(`http://127.0.0.1:${port}/livez`).then((answer) => end(answer.ok), () => end(false))"]
# The exec form makes node process 1, which signals reach; the gateway handles them itself.
ENTRYPOINT ["node", "/app/dist/main.js"]
