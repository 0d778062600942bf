// Packages without types of their own that only this folder uses; also where it is not installed.
declare module 'autocannon'
