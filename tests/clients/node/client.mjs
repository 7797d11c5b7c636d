// The client matrix on isomorphic-git. See ../README.md for the commands.
import fs from 'node:fs'
import path from 'node:path'
import git from 'isomorphic-git'
import http from 'isomorphic-git/http/node'

const { CLIENT_USER: username, CLIENT_PASSWORD: password } = process.env
const who = { name: 'Matrix', email: 'matrix@example.org', timestamp: 1_700_000_000, timezoneOffset: 0 }
// Shown once: a server that refuses it must not be asked for ever.
const onAuth = () => ({ username, password })
const onAuthFailure = () => ({ cancel: true })
const remote = { fs, http, onAuth, onAuthFailure, remote: 'origin' }

const actions = {
  clone: async (url, dir, depth) => {
    await git.clone({ ...remote, dir, url, depth: depth ? Number(depth) : undefined, singleBranch: false })
  },
  fetch: async (dir) => {
    await git.fetch({ ...remote, dir, tags: true, prune: true })
  },
  commit: async (dir, file, text) => {
    fs.writeFileSync(path.join(dir, file), text)
    await git.add({ fs, dir, filepath: file })
    return git.commit({ fs, dir, message: `Write ${file}`, author: who, committer: who })
  },
  tag: async (dir, name) => {
    await git.annotatedTag({ fs, dir, ref: name, message: `Release ${name}`, tagger: who })
  },
  push: async (dir, ...specs) => {
    for (const spec of specs) {
      const [source, target] = spec.replace(/^\+/, '').split(':')
      const options = { ...remote, dir, remoteRef: target, force: spec.startsWith('+') }
      // Even to delete, the library wants a ref that exists here.
      const local = source || (await git.currentBranch({ fs, dir, fullname: true }))
      const result = await git.push({ ...options, ref: local, delete: !source })
      if (!result.ok) throw new Error(JSON.stringify(result))
    }
  },
  list: async (url) => {
    const protocolVersion = Number(process.env.CLIENT_PROTOCOL ?? 2)
    const refs = await git.listServerRefs({ http, url, onAuth, onAuthFailure, protocolVersion, symrefs: true })
    for (const { oid, ref } of refs) console.log(oid, ref)
  },
  version: async () => `isomorphic-git ${git.version()}`,
}

const [action, ...words] = process.argv.slice(2)
const answer = await actions[action](...words)
if (answer !== undefined) console.log(answer)
