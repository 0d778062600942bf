/** Older majors are installed under a second name; these have their types in a package of @types. */
declare module 'express4' {
  import express = require('express')
  export = express
}

declare module 'koa2' {
  import Koa = require('koa')
  export = Koa
}
