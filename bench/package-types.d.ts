// Packages without types of their own that only this folder uses; also where it is not installed.
declare module 'autocannon'
declare module 'connect-redis'
declare module 'connect-redis-sessions'
declare module 'express-session'
declare module 'koa-generic-session'
declare module 'koa-redis'
declare module 'koa-session'
