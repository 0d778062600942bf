/**
 * What a session holds: eight fields, about 300 bytes as JSON. Flat, because connect-redis-sessions
 * keeps texts, numbers and booleans only.
 */
export const profile = {
  name: 'Ann Example',
  views: 0,
  userId: '7d444840-9dc0-11d1-b245-5ffdce74fad2',
  email: 'ann.example@mail.example.com',
  roles: 'reader,author,moderator',
  locale: 'en-GB,en;q=0.8,de;q=0.5',
  cart: 'A-100:2,B-205:1,C-317:4,D-009:1,E-777:12',
  returnTo: '/articles/2026/11/how-we-measure-sessions?page=2',
}
